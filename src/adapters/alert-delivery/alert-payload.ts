import { remedyOf } from '../../core/alert-catalogue.js';
import type { QueuedMessage } from './severity-queue.js';

/** Alerts later than this on their way say in their sentence when they happened. */
const SAY_WHEN_MS = 10_000;

/** The JSON on `alert/<severity>`; described by schemas/alert.json. */
export interface AlertPayload {
  readonly id: string;
  /** Every alert in this message, oldest first; the first is `id`. Keep all of them to recognise duplicates. Where the broker takes no packet so large, the first alone. */
  readonly ids: readonly string[];
  readonly device: string;
  readonly code: string;
  readonly severity: string;
  readonly text: string;
  readonly remedy: string;
  readonly figures: Readonly<Record<string, string | number | boolean | null>>;
  readonly at: string;
  readonly atMs: number;
  readonly lastAtMs: number;
  readonly delayed: boolean;
}

/**
 * The message of an alert, or of several folded ones: sentence and figures are the newest one's, the time is that of
 * the first and of the last. `delayed` marks what had to wait for the broker.
 */
export function alertPayload(
  device: string,
  message: Pick<QueuedMessage, 'severity' | 'alerts' | 'backlog'>,
  nowWallMs: number,
): AlertPayload {
  const first = message.alerts[0]!;
  const last = message.alerts[message.alerts.length - 1]!;
  const more = message.alerts.length - 1;
  const folded = more === 0 ? '' : ` (${more} more like it since ${utcText(first.atMs)})`;
  const late = message.backlog && more === 0 && nowWallMs - last.atMs > SAY_WHEN_MS;
  return {
    id: first.id,
    ids: message.alerts.map((alert) => alert.id),
    device,
    code: first.code,
    severity: message.severity,
    text: `${last.text}${folded}${late ? ` (happened at ${utcText(last.atMs)})` : ''}`,
    remedy: remedyOf(first.code),
    figures: last.figures,
    at: new Date(first.atMs).toISOString(),
    atMs: first.atMs,
    lastAtMs: last.atMs,
    delayed: message.backlog,
  };
}

/**
 * What is left of a message that is too large for its carrier, as one of many folded alerts can be: the sentence and its
 * remedy, with the first id alone and without figures.
 */
export function shortened(payload: AlertPayload): AlertPayload {
  return { ...payload, ids: [payload.id], figures: {} };
}

function utcText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
