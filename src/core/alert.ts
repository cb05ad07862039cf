import type { ALERT_CATALOGUE, AlertCode, CatalogueEntry, Figures, FiguresOf } from './alert-catalogue.js';
import { redact } from './redact.js';

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** One thing a person should hear about. `code` is stable and stands in the alert catalogue. */
export interface Alert {
  /** Unique forever; a repeated delivery carries the same id. */
  readonly id: string;
  readonly code: string;
  readonly severity: Severity;
  /** One plain sentence, readable on a lock screen. Never holds a secret. */
  readonly text: string;
  /** Figures behind the sentence. */
  readonly figures: Readonly<Record<string, string | number | boolean | null>>;
  readonly atMs: number;
}

/** What layers hold to speak to a person: `alerts.raise('FEED_SILENT', { symbol, ageMs })`. */
export interface Alerts {
  /** Resolves once the alert cannot be lost any more. */
  raise<C extends AlertCode>(code: C, figures: FiguresOf<C>): Promise<void>;
}

/** Longest sentence on a lock screen, and longest text figure, in characters. */
const TEXT_LENGTH_MAX = 240;
const FIGURE_LENGTH_MAX = 160;

/**
 * Builds alerts from the catalogue and hands them to the sink. Text figures come from hostile places (an exchange's
 * words), so secrets and control characters are cut out and length is bounded; numbers that are not finite become null in the
 * figures, since JSON has no word for them.
 */
export function createAlerts(
  catalogue: typeof ALERT_CATALOGUE,
  clock: { wallMs(): number },
  sink: { raise(alert: Alert): Promise<void> },
  nextId: () => string,
): Alerts {
  return {
    raise(code, figures) {
      const cleaned = cleanFigures(figures);
      const { severity, sentence } = catalogue[code] as unknown as CatalogueEntry;
      return sink.raise({
        id: nextId(),
        code,
        severity,
        text: shorten(sentence(cleaned), TEXT_LENGTH_MAX),
        figures: finiteFigures(cleaned),
        atMs: clock.wallMs(),
      });
    },
  };
}

/**
 * Ids `<device>-<start of the source, base 36>-<counter, base 36>-<chance, base 36>`. They do not repeat within a run by
 * the counter, nor across restarts by the start time together with 31 bits of chance (a clock may be set back).
 */
export function createAlertIds(
  device: string,
  clock: { wallMs(): number },
  rng: { next(): number },
): () => string {
  const started = Math.max(0, Math.floor(clock.wallMs())).toString(36);
  let counter = 0;
  return () => {
    counter += 1;
    const chance = Math.floor(rng.next() * 36 ** 6)
      .toString(36)
      .padStart(6, '0');
    return `${device}-${started}-${counter.toString(36)}-${chance}`;
  };
}

function cleanFigures(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      typeof value === 'string' ? shorten(redact(value), FIGURE_LENGTH_MAX) : value,
    ]),
  );
}

function finiteFigures(figures: Figures): Figures {
  return Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      name,
      typeof value === 'number' && !Number.isFinite(value) ? null : value,
    ]),
  );
}

/** One line of at most `lengthMax` characters: control characters and line separators become spaces. */
function shorten(text: string, lengthMax: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim();
  const characters = [...line];
  return characters.length <= lengthMax ? line : `${characters.slice(0, lengthMax - 1).join('')}…`;
}
