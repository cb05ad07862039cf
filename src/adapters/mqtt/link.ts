import { waitMs, withJitter } from '../../core/backoff.js';
import type { Delivery } from '../alert-delivery/alert-pump.js';
import { BrokerConnection } from './broker-connection.js';
import { createEndings, type Ending } from './endings.js';
import { ExtraTopics } from './extra-topics.js';
import { createFailureNotice, type FailureNotice } from './failure-notice.js';
import type { LinkOptions } from './link-options.js';
import { RejectedTopics } from './rejected-topics.js';

/**
 * Keeps one MQTT 5 connection alive. Each attempt gets a client of its own, so nothing a client remembers (queues,
 * timers, half-open sockets) can outlive its connection; on top of that a watchdog ends an attempt that neither
 * succeeds nor fails.
 */
export class MqttLink {
  readonly #options: LinkOptions;
  readonly #notice: FailureNotice;
  readonly #extras: ExtraTopics;
  readonly #refused: RejectedTopics;
  readonly #endings = createEndings();
  #stopping = new AbortController();
  #run = new AbortController();
  #connection: BrokerConnection | undefined;
  #loops: Promise<unknown> = Promise.resolve();
  #lastUpMs = 0;
  /** The next session begins clean: the broker has something for this one that cannot be taken. */
  #cleanNext = false;
  /** Connections in a row that did not last. */
  #tries = 0;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#notice = createFailureNotice(
      options.log,
      options.clock,
      { broker: options.url, protocolVersion: options.config.protocolVersion ?? 5 },
      () => options.credentials.password?.reveal(),
      options.onFailure,
    );
    this.#extras = new ExtraTopics(options.extraSubscriptions ?? [], options.log);
    this.#refused = new RejectedTopics(options);
  }

  start(): void {
    this.#stopping = new AbortController();
    this.#lastUpMs = this.#options.clock.monotonicMs();
    this.#launch();
    this.#loops = Promise.all([this.#loops, this.#watch(this.#stopping.signal)]);
  }

  /** Says `offline`, disconnects; resolves within 3 s whatever the broker does. */
  async stop(): Promise<void> {
    const connection = this.#current;
    this.#stopping.abort(new Error('stopping'));
    await connection?.farewell();
    this.#run.abort(new Error('stopping'));
    await this.#loops;
  }

  up(): boolean {
    return this.#current !== undefined;
  }

  /** QoS 1. Resolves at PUBACK (unheard: MQTT 5 reason 16, no matching subscribers); rejects when the connection ends first or the broker refuses the message. */
  publish(topic: string, payload: string, retain: boolean): Promise<Delivery> {
    return this.#current?.publish(topic, payload, retain) ?? Promise.reject(new Error('not connected'));
  }

  /** Whether the broker takes a message as large as this one; true while there is no connection. */
  fits(topic: string, payload: string): boolean {
    return this.#current?.fits(topic, payload) ?? true;
  }

  get #current(): BrokerConnection | undefined {
    return this.#connection?.isUp ? this.#connection : undefined;
  }

  #launch(): void {
    this.#run = new AbortController();
    this.#loops = Promise.all([this.#loops, this.#keepConnected(this.#run.signal)]);
  }

  async #keepConnected(signal: AbortSignal): Promise<void> {
    const { clock, times, rng } = this.#options;
    while (!signal.aborted) {
      const clientId = await this.#options.clientId.value();
      if (signal.aborted) return;
      const ending = await this.#connect(clientId, signal);
      if (signal.aborted || this.#stopping.signal.aborted) return;
      this.#learnFrom(ending);
      const waits = { firstMs: times.backoffFirstMs, maxMs: times.backoffMaxMs };
      // The first wait is for a connection that had lasted.
      await clock.sleep(withJitter(waitMs(waits, this.#tries + 1), rng), signal).catch(() => {});
    }
  }

  /** One connection. Resolves to the reason why it ended. */
  #connect(clientId: string, signal: AbortSignal): Promise<Omit<Ending, 'atMs'>> {
    const { clock, onDown } = this.#options;
    try {
      this.#connection = new BrokerConnection({
        link: this.#options,
        clientId,
        clean: this.#cleanNext,
        oneAtATime: this.#tries > 0,
        extras: this.#extras,
        refused: this.#refused,
        signal,
        onConnect: () => {
          this.#cleanNext = false;
          this.#lastUpMs = clock.monotonicMs();
          this.#notice.connected();
        },
        onEnd: () => {
          this.#lastUpMs = clock.monotonicMs();
          onDown();
        },
      });
    } catch (error) {
      return Promise.resolve({ upMs: null, error, waitingTopic: null });
    }
    return this.#connection.ended;
  }

  #learnFrom(ending: Omit<Ending, 'atMs'>): void {
    const nowMs = this.#options.clock.monotonicMs();
    const { takenOver, rejectedTopic, tries } = this.#endings.judge({ ...ending, atMs: nowMs });
    this.#tries = tries;
    this.#notice.failed(ending);
    // What can be neither kept nor skipped must not meet us again.
    if ((ending.error as { code?: unknown } | null)?.code === 'ERR_MQTT_PACKET_SIZE') this.#cleanNext = true;
    if (takenOver !== null) {
      this.#options.clientId.renew();
      this.#options.onTakenOver?.(takenOver === 'certain');
    }
    if (rejectedTopic !== null) this.#refused.holdBack(rejectedTopic, nowMs);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { clock, times } = this.#options;
    const everyMs = Math.max(10, Math.min(1000, times.watchdogMs / 4, times.ackTimeoutMs / 4));
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => {});
      if (signal.aborted) return;
      this.#check(clock.monotonicMs());
    }
  }

  #check(nowMs: number): void {
    const connection = this.#current;
    if (connection !== undefined) {
      this.#lastUpMs = nowMs;
      connection.checkAcknowledgements(nowMs);
    } else if (nowMs - this.#lastUpMs > this.#options.times.watchdogMs) {
      this.#options.log.warn(
        { errorCode: 'E_MQTT_WATCHDOG', awayMs: Math.round(nowMs - this.#lastUpMs) },
        'not connected to the broker for too long: the client is rebuilt',
      );
      this.#lastUpMs = nowMs;
      this.#run.abort(new Error('watchdog'));
      this.#launch();
    }
  }
}
