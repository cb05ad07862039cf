/** Times that a file has in a sense of its own, brought into ours: a bar's opening, and a day's UTC midnight. */

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

/** Midnights of the markets that daily files are stamped with, and the close of the day in New York that begins the FX day. */
const MARKET_DAYS: readonly { readonly zone: string; readonly startsHour: number }[] = [
  ...[
    'America/New_York',
    'Europe/London',
    'Europe/Berlin',
    'Europe/Athens',
    'Europe/Moscow',
    'Asia/Kolkata',
    'Asia/Shanghai',
    'Asia/Tokyo',
    'Australia/Sydney',
    'Pacific/Auckland',
    'America/Chicago',
    'America/Los_Angeles',
    'America/Sao_Paulo',
  ].map((zone) => ({ zone, startsHour: 0 })),
  { zone: 'America/New_York', startsHour: 17 },
];

export interface BarTimes {
  readonly openMs: Float64Array;
  readonly notes: readonly string[];
}

/**
 * Brings times of closing (`isClosing`, or each a millisecond or less before a step of `stepMs`) back to those of opening, and days
 * that begin at a market's midnight to the UTC midnight of their date there. Each change is told in a note; all other times
 * are left as they are.
 */
export function barTimes(openMs: Float64Array, stepMs: number | undefined, isClosing: boolean): BarTimes {
  if (stepMs === undefined) return { openMs, notes: [] };
  const notes: string[] = [];
  let times = openMs;
  if (isClosing || isStampedAtClose(openMs, stepMs)) {
    // A close is the next bar's opening, or a thousandth or a millionth of a second before it.
    times = openMs.map((time) => Math.ceil(time / 1000) * 1000 - stepMs);
    notes.push(
      `the times are of the bars’ closing (${iso(openMs.find(Number.isFinite)!)} …): each bar is taken to open ${stepMs / 1000} s before`,
    );
  }
  const market = stepMs === DAY_MS ? marketOf(times) : undefined;
  if (market === undefined) return { openMs: times, notes };
  notes.push(
    `the days begin at ${clocks(times)} UTC, ${market.startsHour === 0 ? 'midnight' : `${market.startsHour}:00`} in ${market.zone}: they are taken as that market's dates`,
  );
  return { openMs: times.map((time) => dateOf(time, market)), notes };
}

function isStampedAtClose(openMs: Float64Array, stepMs: number): boolean {
  let seen = 0;
  for (const time of openMs) {
    if (!Number.isFinite(time)) continue;
    const before = Math.ceil(time / 1000) * 1000 - time;
    if (!(before > 0 && before <= 1 && (time + before) % Math.min(stepMs, 60_000) === 0)) return false;
    seen++;
  }
  return seen > 0;
}

type MarketDay = (typeof MARKET_DAYS)[number];

/** The market whose days begin at all these times; undefined where UTC's do, or nobody's. */
function marketOf(times: Float64Array): MarketDay | undefined {
  const all = times.filter((time) => Number.isFinite(time) && Math.abs(time) < 8e15);
  if (all.every((time) => time % DAY_MS === 0)) return undefined;
  // Days of a clock without its changes fit several zones: the first one that fits all is as good as another for their dates.
  return MARKET_DAYS.find((market) => {
    const hours = hoursIn(market.zone);
    return all.every((time) => {
      const local = time + hours(time) * HOUR_MS - market.startsHour * HOUR_MS;
      return local % DAY_MS === 0;
    });
  });
}

function dateOf(time: number, { zone, startsHour }: MarketDay): number {
  if (!Number.isFinite(time)) return time;
  const local = time + hoursIn(zone)(time) * HOUR_MS;
  // The FX day that begins at 17:00 is named after the date it ends on.
  return startsHour === 0 ? local : local + (24 - startsHour) * HOUR_MS;
}

const offsets = new Map<string, (time: number) => number>();

/** Hours by which a zone is ahead of UTC at a time. */
function hoursIn(zone: string): (time: number) => number {
  const known = offsets.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const hours = (time: number) => {
    const part = Object.fromEntries(
      format.formatToParts(time).map(({ type, value }) => [type, Number(value)]),
    );
    const local = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!);
    return (local - Math.floor(time / 1000) * 1000) / HOUR_MS;
  };
  offsets.set(zone, hours);
  return hours;
}

/** The times of day on which these bars begin, the first ones, as a sentence has them. */
export function clocks(times: Iterable<number>): string {
  const seen = new Set<string>();
  for (const time of times) {
    if (!Number.isFinite(time) || Math.abs(time) > 8e15) continue;
    seen.add(iso(time).slice(11, 16));
    if (seen.size > 3) break;
  }
  const [...all] = seen;
  const shown = all.slice(0, 3).join(', ');
  return all.length > 3 ? `${shown}, …` : shown.replace(/, (?=[^,]*$)/, ' and ');
}

const iso = (time: number) => new Date(time).toISOString();
