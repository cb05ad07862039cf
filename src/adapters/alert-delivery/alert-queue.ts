import type { Alert, Severity } from '../../core/alert.js';
import { type QueuedMessage, SeverityQueue } from './severity-queue.js';

export interface QueueLimits {
  readonly perCodeMax: number;
  readonly rateWindowMs: number;
  readonly backlogPerSecondMax: number;
}

/** The next message, or how long until there may be one; null = nothing waits. */
export type QueueNext = { readonly message: QueuedMessage } | { readonly waitMs: number } | null;

const ORDER: readonly Severity[] = ['critical', 'warning', 'info'];
/** In flight at once per severity while somebody listens; three severities stay below the usual receive maximum of 20. */
const FLIGHT_MAX = 5;
/** How often the end of quiet hours is looked for. */
const QUIET_LOOK_MS = 30_000;

/** The order of what is to be sent. Pure: knows time only as it is told, and nothing of MQTT. */
export class AlertQueue {
  readonly #limits: QueueLimits;
  readonly #bySeverity: Readonly<Record<Severity, SeverityQueue>> = {
    critical: new SeverityQueue(),
    warning: new SeverityQueue(),
    info: new SeverityQueue(),
  };
  /** Monotonic send times of each code within the rate window. */
  readonly #sentMs = new Map<string, number[]>();
  #backlogFromMs = Number.NEGATIVE_INFINITY;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** `folding`: join a waiting message of the same kind, as during an outage. `backlog`: it happened before now. */
  add(alert: Alert, { folding, backlog }: { readonly folding: boolean; readonly backlog: boolean }): void {
    const queue = this.#bySeverity[alert.severity];
    if (alert.severity !== 'critical') {
      const limited = (this.#sentMs.get(alert.code)?.length ?? 0) >= this.#limits.perCodeMax;
      const similar = folding || limited || queue.isUnheard ? queue.similarTo(alert) : undefined;
      if (similar !== undefined) {
        similar.alerts.push(alert);
        return;
      }
    }
    queue.add(alert, backlog);
  }

  /** Takes the next message that may fly, critical first, in order within a severity. */
  take(nowMs: number, quiet: boolean): QueueNext {
    let waitMs = Number.POSITIVE_INFINITY;
    for (const severity of ORDER) {
      const next = this.#takeFrom(this.#bySeverity[severity], nowMs, quiet);
      if (typeof next !== 'number') return { message: next };
      waitMs = Math.min(waitMs, next);
    }
    return Number.isFinite(waitMs) ? { waitMs } : null;
  }

  /**
   * Acknowledged. It is remembered for a moment: a broker that dies right after its acknowledgement may not have handed
   * the message on, so what it acknowledged last is sent again, with the same id.
   */
  done(message: QueuedMessage, nowMs: number): void {
    message.flying = false;
    message.acknowledgedMs = nowMs;
    message.unheardSinceMs = null;
    this.#bySeverity[message.severity].forgetAcknowledged(nowMs);
  }

  /** Not delivered: back to its old place. */
  giveBack(message: QueuedMessage): void {
    message.flying = false;
    message.backlog = true;
  }

  /** Nobody listened: its severity rests, and then goes one message at a time until somebody does. */
  unheard(message: QueuedMessage, nowMs: number): void {
    this.giveBack(message);
    message.unheardSinceMs ??= nowMs;
    this.#bySeverity[message.severity].rest(nowMs);
  }

  /** Somebody listened: its severity may have several messages in flight. */
  heard(severity: Severity): void {
    this.#bySeverity[severity].heard(FLIGHT_MAX);
  }

  /** The connection ended: what waits or was acknowledged only just now is backlog, and nobody is known to listen. */
  disconnected(nowMs: number): void {
    for (const severity of ORDER) this.#bySeverity[severity].disconnected(nowMs);
  }

  /** Alerts (not messages) that wait or fly. */
  size(): number {
    return ORDER.reduce((sum, severity) => sum + this.#bySeverity[severity].waiting(), 0);
  }

  /** The next message of one severity, or how long until there may be one. */
  #takeFrom(queue: SeverityQueue, nowMs: number, quiet: boolean): QueuedMessage | number {
    if (nowMs < queue.restUntilMs) {
      return queue.waiting() > 0 ? queue.restUntilMs - nowMs : Number.POSITIVE_INFINITY;
    }
    queue.forgetAcknowledged(nowMs);
    let waitMs = Number.POSITIVE_INFINITY;
    let flying = 0;
    for (const message of queue.messages) {
      if (message.acknowledgedMs !== null) continue;
      if (message.flying) {
        flying += 1;
        continue;
      }
      if (flying >= queue.flightMax) break;
      const messageWaitMs = this.#waitOf(message, nowMs, quiet);
      if (messageWaitMs > 0) {
        waitMs = Math.min(waitMs, messageWaitMs);
        // The bounded rate holds the whole severity, or later alerts would overtake; a code's own limit holds only that code.
        if (message.backlog && nowMs < this.#backlogFromMs) break;
        continue;
      }
      this.#launch(message, nowMs);
      return message;
    }
    return waitMs;
  }

  #launch(message: QueuedMessage, nowMs: number): void {
    if (!message.frozen && message.severity !== 'critical') {
      const code = message.alerts[0]!.code;
      this.#sentMs.set(code, [...(this.#sentMs.get(code) ?? []), nowMs]);
    }
    if (message.backlog) this.#backlogFromMs = nowMs + 1000 / this.#limits.backlogPerSecondMax;
    message.flying = true;
    message.frozen = true;
  }

  #waitOf(message: QueuedMessage, nowMs: number, quiet: boolean): number {
    if (message.severity === 'info' && quiet) return QUIET_LOOK_MS;
    if (message.backlog && nowMs < this.#backlogFromMs) return this.#backlogFromMs - nowMs;
    // A message that was sent before has been counted; repeating it is not a new one.
    if (message.severity === 'critical' || message.frozen) return 0;
    return this.#rateWaitMs(message.alerts[0]!.code, nowMs);
  }

  #rateWaitMs(code: string, nowMs: number): number {
    const { rateWindowMs, perCodeMax } = this.#limits;
    const recent = (this.#sentMs.get(code) ?? []).filter((at) => nowMs - at < rateWindowMs);
    this.#sentMs.set(code, recent);
    return recent.length < perCodeMax ? 0 : recent[0]! + rateWindowMs - nowMs;
  }
}
