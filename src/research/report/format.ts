/** Text for people: fixed places, a real minus sign, a dash where there is no value. Times are UTC. */

const DASH = '–';
const DAY_MS = 86_400_000;

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Foreign text made harmless for HTML, in elements and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char]!);
}

/** JSON that may stand inside a script element: nothing in it can end the element or open another. */
export function embeddedJson(value: unknown): string {
  return JSON.stringify(value).replace(/</g, '\\u003c').replace(/>/g, '\\u003e');
}

export function number(value: number | null, places: number): string {
  if (value === null || !Number.isFinite(value)) return DASH;
  const text = Math.abs(value).toLocaleString('en-US', {
    minimumFractionDigits: places,
    maximumFractionDigits: places,
  });
  return value < 0 && /[1-9]/.test(text) ? `−${text}` : text;
}

/** A fraction of 1 as per cent. */
export function percent(fraction: number | null, places = 1): string {
  const text = number(fraction === null ? null : fraction * 100, places);
  return text === DASH ? text : `${text} %`;
}

/** Per cent with its sign, where the direction is what matters. */
export function signedPercent(fraction: number | null, places = 1): string {
  const text = percent(fraction, places);
  return fraction !== null && fraction > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

export function signedMoney(value: number | null): string {
  const text = number(value, 2);
  return value !== null && value > 0 && /[1-9]/.test(text) ? `+${text}` : text;
}

/**
 * Writes a column of figures with the same places after the point, so that the points stand under each other: as many as
 * the smallest needs for `digits` significant ones, at least `placesMin`, at most 12, and no zeros that all of them end in.
 */
export function columnFormat(
  values: readonly (number | null)[],
  digits: number,
  placesMin: number,
): (value: number | null) => string {
  let places = placesMin;
  for (const value of values) {
    if (value === null || !Number.isFinite(value) || value === 0) continue;
    const [, decimals = ''] = Math.abs(value).toPrecision(digits).split('e')[0]!.split('.');
    const exponent = Number(value.toExponential().split('e')[1]);
    const needed = exponent < -6 ? digits - 1 - exponent : decimals.replace(/0+$/, '').length;
    places = Math.max(places, needed);
  }
  return (value) => number(value, Math.min(12, places));
}

/** `2020-03-12`, or with the time of day where it is not midnight. */
export function time(atMs: number): string {
  return timeFormat([atMs])(atMs);
}

/** Writes a column of times as dates, or all of them with the time of day where one is not midnight. */
export function timeFormat(times: readonly (number | null)[]): (atMs: number) => string {
  const length = times.every((atMs) => atMs === null || atMs % DAY_MS === 0) ? 10 : 16;
  return (atMs) =>
    Math.abs(atMs) <= 8.64e15 ? new Date(atMs).toISOString().slice(0, length).replace('T', ' ') : DASH;
}

/** A length of time in its largest fitting unit. */
export function duration(ms: number): string {
  const days = ms / DAY_MS;
  if (days >= 2) return `${number(days, 0)} days`;
  const hours = ms / 3_600_000;
  if (hours >= 2) return `${number(hours, 0)} hours`;
  return `${number(ms / 60_000, 0)} min`;
}
