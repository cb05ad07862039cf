import type { Alert, Severity } from '../../core/alert.js';
import { messageOf } from '../../core/errors.js';
import type { AlertOutbox } from '../../ports/alerts.js';
import type { Clock } from '../../ports/time.js';
import { type AlertLog, createRepeatGuard } from './alert-log.js';
import { type AlertQueue, createAlertQueue, type QueuedMessage, type QueueLimits } from './alert-queue.js';

/** What became of a message: `heard` is false where the carrier knows that nobody listens. */
export interface Delivery {
  readonly heard: boolean;
}

/** Whatever takes messages away: a broker, a push service. */
export interface AlertCarrier {
  /** Where a severity goes, in words for the log. */
  placeOf(severity: Severity): string;
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

export interface AlertPump {
  /** Takes up what an earlier run left in the outbox; rejects only if the outbox cannot be read. */
  restore(): Promise<void>;
  /** Stores, then queues. Never rejects: a store that fails is logged and the alert goes out from memory. */
  raise(alert: Alert): Promise<void>;
  connected(): void;
  disconnected(): void;
  /** Resolves when nothing waits or flies any more, or after `ms`. */
  drained(ms: number): Promise<void>;
  stop(): void;
}

const RESTORE_MAX = 10_000;
/** A carrier that refuses a message (quota, size, rights) is asked again after this. */
const REFUSED_PAUSE_MS = 5000;
/** How long an alert that nobody is subscribed to is kept for somebody who comes back. */
const UNHEARD_MAX_MS = { info: 600_000, warning: 3_600_000, critical: 86_400_000 } as const;

/** Moves alerts from the outbox to their carrier: stored before they are sent, removed at acknowledgement. */
export function createAlertPump(options: AlertPumpOptions): AlertPump {
  const { clock, log, carrier, outbox } = options;
  const mayTell = createRepeatGuard(clock);
  const queue: AlertQueue = createAlertQueue(options.limits);
  /** Stores one after the other, so that order of raising is order of sending. */
  let storing: Promise<void> = Promise.resolve();
  let wake = new AbortController();
  let stopped = false;
  let pausedUntilMs = Number.NEGATIVE_INFINITY;
  const known = new Set<string>();
  const toldUnheard = new Set<string>();
  let waiters: (() => void)[] = [];

  function kick(): void {
    wake.abort(new Error('awake'));
    while (!stopped && carrier.ready()) {
      const nowMs = clock.monotonicMs();
      if (nowMs < pausedUntilMs) {
        wakeIn(pausedUntilMs - nowMs);
        return;
      }
      const next = queue.take(nowMs, options.quiet(clock.wallMs()));
      if (next === null) break;
      if ('waitMs' in next) {
        wakeIn(next.waitMs);
        break;
      }
      void send(next.message);
    }
    if (queue.size() === 0) {
      for (const resolve of waiters) resolve();
      waiters = [];
    }
  }

  function wakeIn(ms: number): void {
    wake = new AbortController();
    clock.sleep(Math.max(1, ms), wake.signal).then(kick, () => {});
  }

  async function send(message: QueuedMessage): Promise<void> {
    const place = carrier.placeOf(message.severity);
    try {
      const { heard } = await carrier.send(message);
      if (heard) {
        queue.heard(message.severity);
        toldUnheard.delete(place);
        finish(message);
      } else {
        notHeard(message, place);
      }
    } catch (error) {
      queue.giveBack(message);
      if (carrier.ready()) {
        pausedUntilMs = clock.monotonicMs() + REFUSED_PAUSE_MS;
        const detail = messageOf(error);
        if (mayTell(detail)) {
          log.warn(
            { errorCode: 'E_ALERT_REFUSED', detail, place },
            `an alert was refused by ${place}: ${detail}; it is sent again each 5 s. Check its rights and quotas there.`,
          );
        }
      }
    }
    kick();
  }

  function notHeard(message: QueuedMessage, place: string): void {
    const nowMs = clock.monotonicMs();
    if (!toldUnheard.has(place)) {
      toldUnheard.add(place);
      log.warn(
        { errorCode: 'E_ALERT_UNHEARD', place },
        `nobody is subscribed to ${place}; its alerts wait a while. Subscribe a phone to it.`,
      );
    }
    queue.unheard(message, nowMs);
    if (nowMs - message.unheardSinceMs! < UNHEARD_MAX_MS[message.severity]) return;
    log.warn(
      { errorCode: 'E_ALERT_UNHEARD', place, ids: message.alerts.map((alert) => alert.id) },
      'an alert was given up: the broker took it, but nobody was subscribed all the while',
    );
    finish(message);
  }

  function finish(message: QueuedMessage): void {
    queue.done(message, clock.monotonicMs());
    const ids = message.alerts.map((alert) => alert.id);
    for (const id of ids) known.delete(id);
    storing = storing
      .then(() => outbox.remove(ids))
      .catch((error) => {
        log.error(
          { errorCode: 'E_OUTBOX', detail: messageOf(error) },
          'a delivered alert could not be removed from the outbox; it may be repeated with the same id after a restart',
        );
      });
  }

  function enqueue(alert: Alert, backlog: boolean): void {
    if (known.has(alert.id)) return;
    known.add(alert.id);
    queue.add(alert, { folding: backlog, backlog });
  }

  return {
    async restore() {
      stopped = false;
      for (const alert of await outbox.pending(RESTORE_MAX)) enqueue(alert, true);
      kick();
    },
    raise(alert) {
      const backlog = !carrier.ready();
      storing = storing
        .then(() => outbox.add(alert))
        .catch((error) => {
          log.error(
            { errorCode: 'E_OUTBOX', detail: messageOf(error), alertCode: alert.code },
            'an alert could not be stored; it is sent from memory. Check free space and health of the disk.',
          );
        })
        .then(() => {
          enqueue(alert, backlog || !carrier.ready());
          kick();
        });
      return storing;
    },
    connected: kick,
    disconnected() {
      queue.disconnected(clock.monotonicMs());
      pausedUntilMs = Number.NEGATIVE_INFINITY;
      wake.abort(new Error('disconnected'));
    },
    async drained(ms) {
      await storing;
      if (queue.size() === 0) return;
      const patience = new AbortController();
      const empty = new Promise<void>((resolve) => waiters.push(resolve));
      await Promise.race([empty, clock.sleep(ms, patience.signal).catch(() => {})]);
      patience.abort(new Error('done'));
      await storing;
    },
    stop() {
      stopped = true;
      wake.abort(new Error('stopping'));
    },
  };
}
