import type { Severity } from './alert.js';
import { count, percent, span } from './figure-words.js';

/**
 * Everything the box ever says to a phone: code, severity, the sentence for the lock screen with its figures, and the
 * pointer to what to do. Codes are stable: a filter on somebody's phone depends on them.
 */
export interface CatalogueEntry<F extends Figures = Figures> {
  readonly severity: Severity;
  /** One plain sentence. Text from outside (an exchange's words) is shortened and cleaned by the raiser. */
  readonly sentence: (figures: F) => string;
  /** What the reader can do about it, in one sentence. */
  readonly remedy: string;
}

export type Figures = Readonly<Record<string, string | number | boolean | null>>;

// A figure-free entry takes an empty object, so that a caller cannot pass figures nobody reads.
type NoFigures = Readonly<Record<string, never>>;

function entry<F extends Figures = NoFigures>(
  severity: Severity,
  sentence: (figures: F) => string,
  remedy: string,
): CatalogueEntry<F> {
  return { severity, sentence, remedy };
}

export const ALERT_CATALOGUE = {
  // ── halting ─────────────────────────────────────────────────────────────────────────────────────────────────
  HALTED: entry<{ cause: string }>(
    'critical',
    (f) => `Trading is halted: ${f.cause}.`,
    'The message that confirms it names what is still held; re-arm at the box once the cause is gone.',
  ),
  HALT_CONFIRMED: entry<{ detail: string }>(
    'warning',
    (f) => `Halt confirmed: ${f.detail}.`,
    'Nothing to do; re-arm at the box when you want to trade again.',
  ),
  HALT_NOT_CONFIRMED: entry<{ detail: string }>(
    'critical',
    (f) => `Trading is halted, but open orders could not be ruled out: ${f.detail}`,
    'Look at the open orders at the exchange yourself and cancel them there.',
  ),
  HALT_NOT_RECORDED: entry<{ detail: string }>(
    'critical',
    (f) => `Trading is halted, but that is NOT RECORDED and would not survive a power cut: ${f.detail}`,
    'Do not pull the plug: cancel and close at the exchange what must not stay open, then check the disk of the box.',
  ),
  RECORD_AT_RISK: entry<{ detail: string }>(
    'critical',
    (f) => `A halt could not be recorded now, so no new positions are opened: ${f.detail}`,
    'The box keeps trying; press the red button if you want to be sure, and check its disk.',
  ),
  RECORD_SAFE: entry(
    'info',
    () => 'A halt can be recorded again: new positions are possible.',
    'Nothing to do; a card that does this again is about to fail.',
  ),
  FLATTEN_ENDED: entry<{ detail: string }>(
    'critical',
    (f) => `Positions are no longer being closed: ${f.detail}.`,
    'What is still held stays open: check it at the exchange.',
  ),
  REARMED: entry<{ by: string }>(
    'warning',
    (f) => `Trading is armed again: ${f.by}.`,
    'If that was not you, press the red button and find out who was at the box.',
  ),
  RESUME_WINDOW_OPEN: entry<{ detail: string }>(
    'warning',
    (f) => `The box can be armed at its button, ${f.detail}.`,
    'If neither you nor anyone you trust asked for it, run redbutton halt, which ends the window, and check who can log in.',
  ),
  RESUME_WINDOW_CLOSED: entry<{ detail: string }>(
    'info',
    (f) => `The box can no longer be armed at its button: ${f.detail}.`,
    'Nothing to do; run redbutton resume to arm it.',
  ),
  REQUEST_DECLINED: entry<{ detail: string }>(
    'warning',
    (f) => `A request was declined: ${f.detail}.`,
    'A program on the box asked for something only a person may do: see journalctl -u redbutton-guard -u redbutton.',
  ),
  GUARD_LOST: entry<{ silentMs: number }>(
    'critical',
    (f) => `The guard has been silent for ${span(f.silentMs)}: no entries are possible.`,
    'The box restarts it; if this lasts, run redbutton status at the box.',
  ),
  TRADER_DEAD: entry<{ detail: string }>(
    'critical',
    (f) => `The trader did not answer and was stopped by the guard: ${f.detail}`,
    'Positions stay open with their protective stops: check them at the exchange.',
  ),
  TRADER_LOST: entry<{ detail: string }>(
    'critical',
    (f) => `There has been no trader for ${f.detail}.`,
    'The box keeps restarting it; positions stay open with their protective stops. See journalctl -u redbutton at the box.',
  ),
  TRADER_BACK: entry<{ detail: string }>(
    'warning',
    (f) => `The trader is ${f.detail}.`,
    'Nothing to do; see journalctl -u redbutton for why it was away.',
  ),
  COMMAND_IGNORED: entry<{ reason: string }>(
    'warning',
    (f) => `A command over MQTT was ignored: ${f.reason}.`,
    'To halt now, publish to cmd/halt again; to get rid of the old one, publish an empty retained message there, which halts too.',
  ),
  CLIENT_TAKEN_OVER: entry<{ role: string; certain: boolean }>(
    'critical',
    (f) =>
      f.certain
        ? `Another program connected to the broker under the ${f.role}'s client id: a halt from the phone may be lost.`
        : `The broker closed the ${f.role}'s connection again and again: another program may use its client id, and a halt from the phone may be lost.`,
    'The box has taken another id; if you wanted a halt, press again. If it is a second box made from a copy of this card, give that one a device.name and a state folder of its own; if it was not yours, change the broker passwords.',
  ),
  BROKER_REFUSES_TOPIC: entry<{ topic: string; reason?: string }>(
    'warning',
    (f) =>
      `The broker refuses what the box publishes on ${f.topic}${f.reason === undefined ? '' : `: ${f.reason}`}.`,
    'Allow the box to write this topic in the broker’s access list, or raise its packet limit; for the broker on the box run scripts/setup-broker again.',
  ),
  // ── orders ──────────────────────────────────────────────────────────────────────────────────────────────────
  ORDER_FILLED: entry<{ symbol: string; side: string; amount: string; price: string }>(
    'info',
    (f) => `${f.side === 'buy' ? 'Bought' : 'Sold'} ${f.amount} of ${f.symbol} at ${f.price}.`,
    'Nothing to do.',
  ),
  ORDER_REJECTED: entry<{ symbol: string; side: string; amount: string; reason: string }>(
    'warning',
    (f) => `The order to ${f.side} ${f.amount} of ${f.symbol} was rejected: ${f.reason}`,
    'A single rejection is harmless; if they repeat, check balance, permissions and limits at the exchange.',
  ),
  ORDER_NEVER_PLACED: entry<{ symbol: string; side: string; amount: string; reason: string }>(
    'warning',
    (f) => `The order to ${f.side} ${f.amount} of ${f.symbol} was not placed: ${f.reason}`,
    'The next bar decides again; if it repeats, check the connection to the exchange.',
  ),
  ORDER_UNKNOWN: entry<{ symbol: string; clientOrderId: string }>(
    'critical',
    (f) => `It is not known yet whether the order ${f.clientOrderId} in ${f.symbol} was placed.`,
    'The symbol is blocked until the exchange answers; you can look the order up there by this id.',
  ),
  RECONCILE_MISMATCH: entry<{ symbol: string; detail: string }>(
    'critical',
    (f) => `The box and the exchange disagree about ${f.symbol}: ${f.detail}`,
    'No new positions are opened until this is explained; see redbutton status.',
  ),
  MARKET_CLOSED: entry<{ exchange: string; symbol: string; detail: string }>(
    'warning',
    (f) => `${f.symbol} cannot be traded at ${f.exchange} now: ${f.detail}.`,
    'No position is opened there; what is held is closed as soon as the exchange takes orders. An alert follows when it reopens.',
  ),
  MARKET_OPEN: entry<{ exchange: string; symbol: string; afterMs: number }>(
    'info',
    (f) => `${f.symbol} can be traded at ${f.exchange} again, after ${span(f.afterMs)}.`,
    'Nothing to do.',
  ),
  SYMBOL_NOT_LISTED: entry<{ exchange: string; symbol: string }>(
    'warning',
    (f) => `${f.symbol} is not listed at ${f.exchange}: it is not traded; the other symbols are.`,
    'Correct or remove it in exchange.symbols and restart.',
  ),
  SYMBOL_NOT_LISTED_HELD: entry<{ exchange: string; symbol: string; held: string }>(
    'critical',
    (f) =>
      `${f.symbol} is not listed at ${f.exchange}, and ${f.held} of it is held: the box cannot close it.`,
    'Check at the exchange what happened to it, and close it there by hand.',
  ),
  STOP_MISSING: entry<{ symbol: string; detail: string }>(
    'critical',
    (f) => `A position in ${f.symbol} has no protective stop: ${f.detail}`,
    'The box tries again every minute; place a stop at the exchange yourself if this lasts.',
  ),
  STOPS_NOT_OFFERED: entry<{ exchange: string; symbols: string }>(
    'warning',
    (f) =>
      `No protective stop can rest at ${f.exchange} for ${f.symbols}: if the box died, positions there would have none.`,
    'Set risk.protectiveStopPct = 0 if you accept that, or leave these symbols out.',
  ),
  LIVE_REFUSED: entry<{ exchange: string; reason: string; held: string }>(
    'critical',
    (f) =>
      `Live trading is refused at ${f.exchange}, so nothing is opened there: ${f.reason}. What is left can be closed: ${f.held}.`,
    'Positions keep their stops and can be closed; fix the reasons, or close the positions and leave the exchange out.',
  ),
  // ── risk ────────────────────────────────────────────────────────────────────────────────────────────────────
  DRAWDOWN_50: entry<{ drawdown: number; limit: number }>(
    'warning',
    (f) => `Drawdown is ${percent(f.drawdown)}, half of the limit of ${percent(f.limit)}.`,
    'Nothing to do yet; at the limit the box stops by itself.',
  ),
  DRAWDOWN_80: entry<{ drawdown: number; limit: number }>(
    'warning',
    (f) => `Drawdown is ${percent(f.drawdown)}, close to the limit of ${percent(f.limit)}.`,
    'Look at the open positions; at the limit the box stops by itself.',
  ),
  DRAWDOWN_100: entry<{ drawdown: number; limit: number }>(
    'critical',
    (f) =>
      `Drawdown is ${percent(f.drawdown)} and has reached the limit of ${percent(f.limit)}: no more entries.`,
    'Find out why before you re-arm; see the report and redbutton status.',
  ),
  PEAK_REBASED: entry<{ by: string; drawdown: number; peak: number; equity: number }>(
    'warning',
    (f) =>
      `After a drawdown of ${percent(f.drawdown)} from ${f.peak.toFixed(2)}, ${f.by} accepted the loss: drawdown is now measured from ${f.equity.toFixed(2)}.`,
    'If that was not you, press the red button and find out who was at the box.',
  ),
  DAILY_LOSS: entry<{ loss: number; limit: number }>(
    'warning',
    (f) =>
      `Today (UTC) the account has lost ${percent(f.loss)}; the limit is ${percent(f.limit)}: no more entries today.`,
    'Nothing to do: entries are allowed again on the next day; positions can still be closed.',
  ),
  COOL_DOWN: entry<{ losses: number; bars: number }>(
    'warning',
    (f) => `${count(f.losses, 'losing trade')} in a row: no entries for ${count(f.bars, 'bar')}.`,
    'Nothing to do: entries resume by themselves; see redbutton trades.',
  ),
  // ── feed and clock ──────────────────────────────────────────────────────────────────────────────────────────
  FEED_SILENT: entry<{ symbol: string; ageMs: number }>(
    'warning',
    (f) => `No market data for ${f.symbol} for ${span(f.ageMs)}.`,
    'It reconnects by itself; if this lasts, check the network and the exchange’s status page.',
  ),
  FEED_BACK: entry<{ symbol: string; silentMs: number }>(
    'info',
    (f) => `Market data for ${f.symbol} is back after ${span(f.silentMs)}.`,
    'Nothing to do.',
  ),
  QUARANTINE_RATE: entry<{ symbol: string; rate: number; limit: number }>(
    'warning',
    (f) =>
      `${percent(f.rate)} of the bars of ${f.symbol} failed validation and were quarantined, more than ${percent(f.limit)}.`,
    'The data of the exchange may be faulty; the report lists the reasons under Bars and rows left out.',
  ),
  CLOCK_OFF: entry<{ offsetMs: number }>(
    'critical',
    (f) => `The clock of the box is off by ${span(Math.abs(f.offsetMs))}.`,
    'Check time synchronisation at the box: timedatectl status.',
  ),
  // ── the box ─────────────────────────────────────────────────────────────────────────────────────────────────
  DISK_LOW: entry<{ path: string; freePct: number }>(
    'warning',
    (f) => `Only ${f.freePct.toFixed(1)} % of the disk under ${f.path} is free.`,
    'Free some space or use a larger card; orders need a writable disk.',
  ),
  JOB_FAILED: entry<{ job: string }>(
    'warning',
    (f) => `A job of the box failed: ${f.job}.`,
    'See its log at the box: journalctl -u and its name.',
  ),
  TEMPERATURE: entry<{ celsius: number }>(
    'warning',
    (f) => `The processor is at ${f.celsius.toFixed(0)} °C.`,
    'Give the box more air or a heat sink; at 85 °C it slows down.',
  ),
  UNDERVOLTAGE: entry(
    'warning',
    () => 'The supply voltage is too low.',
    'Use the official power supply and a short cable; low voltage damages cards and data.',
  ),
  STORE_FAULT: entry<{ detail: string }>(
    'critical',
    (f) => `The box cannot write its database: ${f.detail}`,
    'No entries until it works again; check free space and the health of the card with redbutton doctor.',
  ),
  STORE_REBUILT: entry<{ loss: string }>(
    'critical',
    (f) => `The box had to rebuild its store: ${f.loss}. No new positions until you confirm.`,
    'Compare orders and positions with the exchange, then run redbutton recovery --confirm at the box.',
  ),
  STORE_CONFIRMED: entry<{ loss: string }>(
    'warning',
    (f) => `The rebuilt store was confirmed (${f.loss}): entries are possible again.`,
    'If that was not you, press the red button and find out who was at the box.',
  ),
  LAYER_FAULT: entry<{ layer: string; errorCode: string; detail: string }>(
    'warning',
    (f) => `The ${f.layer} layer has a fault (${f.errorCode}): ${f.detail}`,
    'The box keeps trying; if this lasts, see redbutton status.',
  ),
  LAYER_BACK: entry<{ layer: string; afterMs: number }>(
    'info',
    (f) => `The ${f.layer} layer works again after ${span(f.afterMs)}.`,
    'Nothing to do.',
  ),
  SERVICE_STARTED: entry<{ reason: string; version: string }>(
    'info',
    (f) => `Redbutton ${f.version} has started: ${f.reason}.`,
    'Nothing to do; if you did not expect a restart, see journalctl -u redbutton.',
  ),
  UPDATE_AVAILABLE: entry<{ version: string }>(
    'info',
    (f) => `Version ${f.version} of Redbutton is available.`,
    'Read its changelog and update when no position is open.',
  ),
  UPDATED: entry<{ from: string; to: string }>(
    'warning',
    (f) => `Redbutton was updated from ${f.from} to ${f.to}.`,
    'If that was not you, press the red button and find out who was at the box.',
  ),
  UPDATE_FAILED: entry<{ from: string; to: string; detail: string }>(
    'critical',
    (f) => `The update to ${f.to} failed and ${f.from} was restored: ${f.detail}`,
    'Check with redbutton status that the box is armed again; then read the log of the update.',
  ),
  OS_UPDATE_RESTART: entry<{ packages: number }>(
    'warning',
    (f) => `The box restarts for ${count(f.packages, 'system update')}; it will be back in a few minutes.`,
    'Nothing to do; if it is not back in 15 minutes, look at its LED.',
  ),
  OS_UPDATED: entry<{ packages: number }>(
    'info',
    (f) =>
      `The system of the box was updated (${count(f.packages, 'package')}); guard and trader are running.`,
    'Nothing to do.',
  ),
  OS_UPDATE_FAILED: entry<{ packages: number }>(
    'warning',
    (f) =>
      `An update of the box’s system (${count(f.packages, 'package')}) failed; the old system keeps running.`,
    'The box tries again the next night; if it keeps failing, flash a newer image.',
  ),
  // ── the model ───────────────────────────────────────────────────────────────────────────────────────────────
  MODEL_WARNING: entry<{ model: string; detail: string }>(
    'warning',
    (f) => `The model ${f.model} is getting weaker: ${f.detail}`,
    'Nothing to do yet; the box watches it and retrains it when the configured limits are reached.',
  ),
  MODEL_CRITICAL: entry<{ model: string; detail: string }>(
    'warning',
    (f) => `The model ${f.model} is no better than chance: ${f.detail}`,
    'Not urgent: read the report, then decide whether to keep trading with this model.',
  ),
  MODEL_RETRAINED: entry<{ model: string; auc: number; championAuc: number }>(
    'info',
    (f) => `A challenger won: AUC ${f.auc.toFixed(3)} against ${f.championAuc.toFixed(3)} (${f.model}).`,
    'It trades only once you promote it: redbutton model promote.',
  ),
  MODEL_REFUSED: entry<{ model: string; auc: number; championAuc: number }>(
    'info',
    (f) =>
      `A challenger was not better and was turned down: AUC ${f.auc.toFixed(3)} against ${f.championAuc.toFixed(3)}.`,
    'Nothing to do; the present model stays. See redbutton model show.',
  ),
  RETRAIN_FAILED: entry<{ detail: string }>(
    'warning',
    (f) => `A new model could not be trained: ${f.detail}`,
    'The present model stays, and the box tries again at the next scheduled time; see the log.',
  ),
  MODEL_PROMOTED: entry<{ model: string; before: string }>(
    'warning',
    (f) => `The model ${f.model} now decides in place of ${f.before}.`,
    'To go back to the model before, run redbutton model rollback.',
  ),
  MODEL_OFF_MARKET: entry<{ model: string; trainedOn: string; usedOn: string }>(
    'warning',
    (f) => `The model ${f.model} was trained on ${f.trainedOn} but is used on ${f.usedOn}.`,
    'Its days on paper do not count towards live trading: train one on your market (redbutton fetch, then redbutton model retrain).',
  ),
  MODEL_MARKET_UNSAID: entry<{ model: string; usedOn: string }>(
    'info',
    (f) =>
      `The model ${f.model} is used on ${f.usedOn}, and its manifest does not say which market it was trained on.`,
    'If it was made for this market, nothing to do; train with --exchange and --symbol and the manifest says so.',
  ),
  // ── the day, and tests ──────────────────────────────────────────────────────────────────────────────────────
  DAILY_SUMMARY: entry<{ equity: number; changePct: number; drawdown: number; fills: number; state: string }>(
    'info',
    (f) =>
      `Today: equity ${f.equity.toFixed(2)} (${f.changePct < 0 ? '' : '+'}${f.changePct.toFixed(2)} %), drawdown ${percent(f.drawdown)}, ${count(f.fills, 'fill')}, ${f.state}.`,
    'Nothing to do.',
  ),
  TEST_INFO: entry('info', () => 'Test: this is how information looks.', 'Nothing to do: this was a test.'),
  TEST_WARNING: entry(
    'warning',
    () => 'Test: this is how a warning looks.',
    'Nothing to do: this was a test.',
  ),
  TEST_CRITICAL: entry(
    'critical',
    () => 'Test: this is how a critical alert looks.',
    'Nothing to do: this was a test.',
  ),
} as const;

export type AlertCode = keyof typeof ALERT_CATALOGUE;

/** The figures a code is raised with. */
export type FiguresOf<C extends AlertCode> = Parameters<(typeof ALERT_CATALOGUE)[C]['sentence']>[0];

/** What to do about an alert. Codes of another version, come back from the store, get a general pointer. */
export function remedyOf(code: string): string {
  return Object.hasOwn(ALERT_CATALOGUE, code)
    ? ALERT_CATALOGUE[code as AlertCode].remedy
    : 'See redbutton status at the box.';
}
