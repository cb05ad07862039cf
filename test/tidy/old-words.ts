/** Words that may not come back, each with what to say instead; a name ends where the next capital begins. */
export const OLD_WORDS: readonly { readonly word: RegExp; readonly say: string }[] = [
  { word: /venue/i, say: 'exchange; a market is one symbol at one exchange' },
  { word: /\breckon/i, say: 'compute' },
  { word: /\banew\b/i, say: 'again' },
  { word: /\blest\b/i, say: 'so that … not' },
  { word: /\bhence\b/i, say: 'so' },
  { word: /\bdear(er|est)?\b/i, say: 'expensive' },
  { word: /\bfor ever\b/i, say: 'forever' },
  { word: /\bmend(s|ed|ing)?\b/i, say: 'repair' },
  { word: /\bsick\b|[sS]ick(?=[A-Z])|Sick\b/, say: 'failing, unreachable' },
  { word: /\bowe[sd]?\b|\bowed(?=[A-Z])/i, say: 'overdue' },
  { word: /\bput aside\b/i, say: 'moved aside' },
  { word: /\bha(s|ve|d) had (its|their) days\b/i, say: 'expired' },
  { word: /\bgoes on\b/i, say: 'continues' },
  { word: /\buntold\b/i, say: 'unreported' },
  { word: /\bholes?\b|Hole/, say: 'gap' },
  { word: /\bdust\b/i, say: 'residual' },
  { word: /\bin doubt\b/i, say: 'unknown, of an order; invalidated, of an agreement' },
  { word: /\bnaked\b/i, say: 'unprotected' },
  { word: /\bspools?\b|Spool/i, say: 'outbox' },
  { word: /Desk\b/, say: 'Orders, ExchangeOrders, StoreQueries' },
  { word: /Raiser\b/, say: 'Alerts' },
  { word: /Conduct\b|\bconduct\b/, say: 'HealthPolicy' },
  { word: /(Model|Resting|Market)Care/, say: 'ModelLifecycle, RestingOrderSafeguards, MarketMonitor' },
  { word: /\bshelf|Shelf/, say: 'directory' },
  { word: /upkeep/i, say: 'retention' },
  { word: /(Bar|Stop|Gap|Feed)Keeper/, say: 'what it does: recorder, filler, supervisor' },
  { word: /StoreNotes|HighWater|RightOfWay|letPass/, say: 'AuditLog, Watermark, OrderPriority, yieldTo' },
  { word: /\bdut(y|ies)\b|Dut(y|ies)\b/i, say: 'what it does: handler, request' },
  { word: /settleOnce|unsettled|[sS]ettlement/, say: 'resolve, unresolved, resolution' },
  {
    word: /riskAgain|drawdownAgain|learnClose|tellQuietly|turnTo\b/,
    say: 'recomputeRisk, observeClose, advanceTo',
  },
  { word: /turnAway|letRouteGo|inTurn\b/, say: 'quarantine, releaseRoute, serialize' },
  { word: /(Live|Market|Config)Refusal|[rR]efusedTopic/, say: 'blocker; rejected topic' },
];

/** Where one may stand all the same, and why. A file that no longer needs it is to be taken out. */
export const ALLOWED_WORDS: readonly { readonly at: RegExp; readonly text: RegExp; readonly why: string }[] =
  [
    { at: /./, text: /E_VENUE_GONE/, why: 'a stored code' },
    { at: /./, text: /E_SPOOL/, why: 'a stored code' },
    {
      at: /./,
      text: /E_STORE_UPKEEP|'store upkeep'/,
      why: 'a stored code, and the name of a layer in alerts',
    },
    { at: /^src\//, text: /'hole'/, why: 'a stored status of a feature row' },
    { at: /^README\.md$/, text: /report a hole/, why: 'a security hole is what it says' },
  ];
