import type { Alert, Severity } from '../../core/alert.js';

/** One message to be: an alert, or several similar ones folded into it. The first one gives the message its id. */
export interface QueuedMessage {
  readonly severity: Severity;
  readonly alerts: Alert[];
  /** Waited for the broker: goes out at the bounded rate and says when it happened. */
  backlog: boolean;
  flying: boolean;
  /** Once sent it is never changed, so that a repetition is the same message. */
  frozen: boolean;
  /** Monotonic time of the first "nobody is subscribed"; null while the broker never said so. */
  unheardSinceMs: number | null;
  /** Monotonic time of the acknowledgement; null before. */
  acknowledgedMs: number | null;
}

/** An acknowledgement this old can be trusted. */
const IN_FLIGHT_MAX_MS = 1000;
const REST_FIRST_MS = 1000;
const REST_MAX_MS = 5000;

/** The messages of one severity, oldest first, and how fast they may go. */
export class SeverityQueue {
  readonly messages: QueuedMessage[] = [];
  /** How many may be in flight. */
  flightMax = 1;
  restUntilMs = Number.NEGATIVE_INFINITY;
  #restMs = REST_FIRST_MS;

  add(alert: Alert, backlog: boolean): void {
    this.messages.push({
      severity: alert.severity,
      alerts: [alert],
      backlog,
      flying: false,
      frozen: false,
      unheardSinceMs: null,
      acknowledgedMs: null,
    });
  }

  /** Whether a message waits because nobody is subscribed. */
  get isUnheard(): boolean {
    return this.messages.some((message) => message.unheardSinceMs !== null);
  }

  /** A message that was never sent and that the alert can be folded into. */
  similarTo(alert: Alert): QueuedMessage | undefined {
    const key = foldKey(alert);
    return this.messages.find((message) => !message.frozen && foldKey(message.alerts[0]!) === key);
  }

  /** Alerts (not messages) that wait or fly. */
  waiting(): number {
    let alerts = 0;
    for (const message of this.messages) {
      if (message.acknowledgedMs === null) alerts += message.alerts.length;
    }
    return alerts;
  }

  forgetAcknowledged(nowMs: number): void {
    const settled = (message: QueuedMessage) =>
      message.acknowledgedMs !== null && nowMs - message.acknowledgedMs > IN_FLIGHT_MAX_MS;
    // Acknowledgements come in order, so the settled ones stand in front, but for a few.
    while (this.messages.length > 0 && settled(this.messages[0]!)) this.messages.shift();
  }

  /** Nobody listened: a longer pause each time, and then one message at a time. */
  rest(nowMs: number): void {
    this.flightMax = 1;
    this.restUntilMs = nowMs + this.#restMs;
    this.#restMs = Math.min(REST_MAX_MS, this.#restMs * 2);
  }

  heard(flightMax: number): void {
    this.flightMax = flightMax;
    this.#restMs = REST_FIRST_MS;
    this.restUntilMs = Number.NEGATIVE_INFINITY;
  }

  disconnected(nowMs: number): void {
    this.forgetAcknowledged(nowMs);
    this.heard(1);
    for (const message of this.messages) {
      message.flying = false;
      message.acknowledgedMs = null;
      message.backlog = true;
    }
  }
}

/** What makes alerts similar: the same code about the same symbol (or layer, or model). */
function foldKey(alert: Alert): string {
  const { symbol, layer, model } = alert.figures;
  return JSON.stringify([alert.code, symbol ?? null, layer ?? null, model ?? null]);
}
