import type { Alert, Severity } from '../../core/alert.js';
import { messageOf } from '../../core/errors.js';
import type { AlertOutbox } from '../../ports/alerts.js';
import type { Clock } from '../../ports/time.js';
import { type AlertLog, createRepeatGuard } from './alert-log.js';
import { AlertQueue, type QueueLimits } from './alert-queue.js';
import type { QueuedMessage } from './severity-queue.js';

/** What became of a message: `heard` is false where the carrier knows that nobody listens. */
export interface Delivery {
  readonly heard: boolean;
}

/** Whatever takes messages away: a broker, a push service. */
export interface AlertCarrier {
  /** Where a severity goes, in words for the log. */
  destinationOf(severity: Severity): string;
  /** False while there is no connection; then nothing is sent. */
  ready(): boolean;
  /** Resolves once the other side has acknowledged; rejects when it refuses or the connection ends. */
  send(message: QueuedMessage): Promise<Delivery>;
}

export interface AlertPumpOptions {
  readonly outbox: AlertOutbox;
  readonly limits: QueueLimits;
  /** Whether info alerts wait now, by local time. */
  readonly quiet: (wallMs: number) => boolean;
  readonly clock: Clock;
  readonly log: AlertLog;
  readonly carrier: AlertCarrier;
}

const RESTORE_MAX = 10_000;
/** A carrier that refuses a message (quota, size, rights) is asked again after this. */
const REFUSED_PAUSE_MS = 5000;
/** How long an alert that nobody is subscribed to is kept for somebody who comes back. */
const UNHEARD_MAX_MS = { info: 600_000, warning: 3_600_000, critical: 86_400_000 } as const;

/** Moves alerts from the outbox to their carrier: stored before they are sent, removed at acknowledgement. */
export class AlertPump {
  readonly #options: AlertPumpOptions;
  readonly #queue: AlertQueue;
  readonly #mayReport: (reason: string) => boolean;
  /** Stores one after the other, so that order of raising is order of sending. */
  #storing: Promise<void> = Promise.resolve();
  #wake = new AbortController();
  #stopped = false;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  readonly #known = new Set<string>();
  readonly #reportedUnheard = new Set<string>();
  #waiters: (() => void)[] = [];

  constructor(options: AlertPumpOptions) {
    this.#options = options;
    this.#queue = new AlertQueue(options.limits);
    this.#mayReport = createRepeatGuard(options.clock);
  }

  /** Takes up what an earlier run left in the outbox; rejects only if the outbox cannot be read. */
  async restore(): Promise<void> {
    this.#stopped = false;
    for (const alert of await this.#options.outbox.pending(RESTORE_MAX)) this.#enqueue(alert, true);
    this.#sendWhatMayGo();
  }

  /** Stores, then queues. Never rejects: a store that fails is logged and the alert goes out from memory. */
  raise(alert: Alert): Promise<void> {
    const { carrier, outbox, log } = this.#options;
    const backlog = !carrier.ready();
    this.#storing = this.#storing
      .then(() => outbox.add(alert))
      .catch((error) => {
        log.error(
          { errorCode: 'E_OUTBOX', detail: messageOf(error), alertCode: alert.code },
          'an alert could not be stored; it is sent from memory. Check free space and health of the disk.',
        );
      })
      .then(() => {
        this.#enqueue(alert, backlog || !carrier.ready());
        this.#sendWhatMayGo();
      });
    return this.#storing;
  }

  connected(): void {
    this.#sendWhatMayGo();
  }

  disconnected(): void {
    this.#queue.disconnected(this.#options.clock.monotonicMs());
    this.#pausedUntilMs = Number.NEGATIVE_INFINITY;
    this.#wake.abort(new Error('disconnected'));
  }

  /** Resolves when nothing waits or flies any more, or after `ms`. */
  async drained(ms: number): Promise<void> {
    await this.#storing;
    if (this.#queue.size() === 0) return;
    const patience = new AbortController();
    const empty = new Promise<void>((resolve) => this.#waiters.push(resolve));
    await Promise.race([empty, this.#options.clock.sleep(ms, patience.signal).catch(() => {})]);
    patience.abort(new Error('done'));
    await this.#storing;
  }

  stop(): void {
    this.#stopped = true;
    this.#wake.abort(new Error('stopping'));
  }

  #sendWhatMayGo(): void {
    const { clock, carrier, quiet } = this.#options;
    this.#wake.abort(new Error('awake'));
    while (!this.#stopped && carrier.ready()) {
      const nowMs = clock.monotonicMs();
      if (nowMs < this.#pausedUntilMs) {
        this.#wakeIn(this.#pausedUntilMs - nowMs);
        return;
      }
      const next = this.#queue.take(nowMs, quiet(clock.wallMs()));
      if (next === null) break;
      if ('waitMs' in next) {
        this.#wakeIn(next.waitMs);
        break;
      }
      void this.#send(next.message);
    }
    if (this.#queue.size() > 0) return;
    for (const resolve of this.#waiters) resolve();
    this.#waiters = [];
  }

  #wakeIn(ms: number): void {
    this.#wake = new AbortController();
    this.#options.clock.sleep(Math.max(1, ms), this.#wake.signal).then(
      () => this.#sendWhatMayGo(),
      () => {},
    );
  }

  async #send(message: QueuedMessage): Promise<void> {
    const { carrier } = this.#options;
    const place = carrier.destinationOf(message.severity);
    try {
      const { heard } = await carrier.send(message);
      if (heard) {
        this.#queue.heard(message.severity);
        this.#reportedUnheard.delete(place);
        this.#finish(message);
      } else {
        this.#notHeard(message, place);
      }
    } catch (error) {
      this.#queue.giveBack(message);
      if (carrier.ready()) this.#refused(place, messageOf(error));
    }
    this.#sendWhatMayGo();
  }

  #refused(place: string, detail: string): void {
    const { clock, log } = this.#options;
    this.#pausedUntilMs = clock.monotonicMs() + REFUSED_PAUSE_MS;
    if (!this.#mayReport(detail)) return;
    log.warn(
      { errorCode: 'E_ALERT_REFUSED', detail, place },
      `an alert was refused by ${place}: ${detail}; it is sent again each 5 s. Check its rights and quotas there.`,
    );
  }

  #notHeard(message: QueuedMessage, place: string): void {
    const { clock, log } = this.#options;
    const nowMs = clock.monotonicMs();
    if (!this.#reportedUnheard.has(place)) {
      this.#reportedUnheard.add(place);
      log.warn(
        { errorCode: 'E_ALERT_UNHEARD', place },
        `no one is subscribed to ${place}; its alerts wait a while. Subscribe a phone to it.`,
      );
    }
    this.#queue.unheard(message, nowMs);
    if (nowMs - message.unheardSinceMs! < UNHEARD_MAX_MS[message.severity]) return;
    log.warn(
      { errorCode: 'E_ALERT_UNHEARD', place, ids: message.alerts.map((alert) => alert.id) },
      'an alert was given up: the broker took it, but no one was subscribed in all that time',
    );
    this.#finish(message);
  }

  #finish(message: QueuedMessage): void {
    const { clock, outbox, log } = this.#options;
    this.#queue.done(message, clock.monotonicMs());
    const ids = message.alerts.map((alert) => alert.id);
    for (const id of ids) this.#known.delete(id);
    this.#storing = this.#storing
      .then(() => outbox.remove(ids))
      .catch((error) => {
        log.error(
          { errorCode: 'E_OUTBOX', detail: messageOf(error) },
          'a delivered alert could not be removed from the outbox; it may be repeated with the same id after a restart',
        );
      });
  }

  #enqueue(alert: Alert, backlog: boolean): void {
    if (this.#known.has(alert.id)) return;
    this.#known.add(alert.id);
    this.#queue.add(alert, { folding: backlog, backlog });
  }
}
