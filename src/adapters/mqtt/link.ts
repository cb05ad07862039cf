import { MqttClient } from 'mqtt';
import { waitMs, withJitter } from '../../core/backoff.js';
import type { Clock, Rng } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import type { Delivery } from '../alert-delivery/alert-pump.js';
import { openBrokerStream } from './broker-stream.js';
import type { ClientId } from './client-id.js';
import type { Incoming } from './commands.js';
import { connectOptions, type MqttConfig, type MqttCredentials, tlsOptions } from './connect-options.js';
import { createEndings, type Ending } from './endings.js';
import { createFailureNotice } from './failure-notice.js';

/** Waiting times of the link; tests shorten them. */
export interface LinkTimes {
  readonly connectTimeoutMs: number;
  /** No PUBACK for this long means the connection is dead, whatever the keepalive thinks of it. */
  readonly ackTimeoutMs: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** Not connected for this long: everything is torn down and built anew. */
  readonly watchdogMs: number;
}

export const LINK_TIMES: LinkTimes = {
  connectTimeoutMs: 10_000,
  ackTimeoutMs: 15_000,
  backoffFirstMs: 1000,
  backoffMaxMs: 60_000,
  watchdogMs: 120_000,
};

export interface LinkOptions {
  readonly url: string;
  readonly config: MqttConfig;
  readonly clientId: ClientId;
  readonly credentials: MqttCredentials;
  /** Topic of `online` and `offline`; undefined = an anonymous visit without session, will and availability. */
  readonly availabilityTopic: string | undefined;
  readonly subscriptions: readonly string[];
  /** Subscribed to once those are granted, and left out where the broker ends the connection over it. */
  readonly extraSubscriptions?: readonly string[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: AlertLog;
  readonly times: LinkTimes;
  readonly onUp: () => void;
  readonly onDown: () => void;
  /** The message is acknowledged once this resolves; where it rejects the broker keeps it and sends it again. */
  readonly onMessage: (message: Incoming) => void | Promise<void>;
  /** Another client uses our id, for certain or likely; we have taken another one. */
  readonly onTakenOver?: (certain: boolean) => void;
  /** The broker refuses what we publish on a topic, or ends the connection over it; called once for each. */
  readonly onRefused?: (topic: string) => void;
}

export interface MqttLink {
  start(): void;
  /** Says `offline`, disconnects; resolves within 3 s whatever the broker does. */
  stop(): Promise<void>;
  up(): boolean;
  /** QoS 1. Resolves at PUBACK (unheard: MQTT 5 reason 16, no matching subscribers); rejects when the connection ends first or the broker refuses the message. */
  publish(topic: string, payload: string, retain: boolean): Promise<Delivery>;
}

interface Connection {
  readonly client: MqttClient;
  /** When the broker granted the subscriptions. */
  grantedMs: number;
  /** The extra subscriptions are asked for, and neither granted nor denied yet. */
  extrasAsked: boolean;
  readonly flying: Set<{
    readonly topic: string;
    readonly sentMs: number;
    readonly fail: (error: Error) => void;
  }>;
  /** After connections that ended soon: then it shows over which message. */
  readonly oneAtATime: boolean;
  /** Settles when the message before has. */
  turn: Promise<void>;
  /** Reasons other than success, by message id, of PUBACKs whose callback is about to run. */
  readonly pubackReasons: Map<number, number>;
  readonly end: (error: unknown) => void;
}

const FAREWELL_MS = 1500;
/** Nothing that is for us is large; what is larger is skipped. */
const INCOMING_BYTES_MAX = 256 * 1024;
/** How long after its subscription was granted a message with the retain flag is one that the broker had stored. */
const STORED_MS_MAX = 10_000;
const NO_MATCHING_SUBSCRIBERS = 16;
/** What a broker ends the connection over is not sent for so long. */
const HELD_BACK_MS = 600_000;
/** Reason codes of a PUBACK from here on are failures. */
const FAILURE_MIN = 128;

/**
 * Keeps one MQTT 5 connection alive. Each attempt gets a client of its own, so nothing a client remembers (queues,
 * timers, half-open sockets) can outlive its connection; on top of that a watchdog ends an attempt that neither
 * succeeds nor fails.
 */
export function createMqttLink(options: LinkOptions): MqttLink {
  const { clock, times } = options;
  const notice = createFailureNotice(options.log, clock, options.url, () =>
    options.credentials.password?.reveal(),
  );
  let stopping = new AbortController();
  let run = new AbortController();
  let current: Connection | undefined;
  let loops: Promise<unknown> = Promise.resolve();
  let lastUpMs = 0;
  /** The next session begins clean: the broker has something for this one that cannot be taken. */
  let cleanNext = false;
  let extrasLeftOut = false;
  const endings = createEndings();
  /** Connections in a row that did not last. */
  let tries = 0;
  /** Topics that the broker ends the connection over, and until when nothing is published there. */
  const heldUntilMs = new Map<string, number>();
  const toldRefused = new Set<string>();
  /** Connections that ended, one after the other, while the extra subscriptions were asked for. */
  let extrasEnded = 0;

  /** One connection from first packet to last. Resolves to the reason why it ended. */
  function live(clientId: string, signal: AbortSignal): Promise<Omit<Ending, 'atMs'>> {
    return new Promise((resolve) => {
      let client: MqttClient;
      try {
        const tls = tlsOptions(options.config);
        client = new MqttClient(
          () =>
            openBrokerStream(options.url, tls, INCOMING_BYTES_MAX, ({ topic, retained, bytes, again }) =>
              receive({ topic, stored: isStored(retained), bytes, again, payload: null }),
            ),
          connectOptions(
            options.config,
            clientId,
            options.credentials,
            times.connectTimeoutMs,
            options.availabilityTopic,
            cleanNext,
          ),
        );
      } catch (error) {
        resolve({ upMs: null, error, waitingTopic: null });
        return;
      }
      let upSinceMs: number | null = null;
      let over = false;
      const end = (error: unknown) => {
        if (over) return;
        over = true;
        signal.removeEventListener('abort', onAbort);
        // Our listeners stay: the client's own, beside them, stop its timers, and a late error must find a listener.
        client.end(true);
        if (current === connection) current = undefined;
        if (connection.extrasAsked && !signal.aborted && ++extrasEnded >= 2) leaveExtrasOut();
        const [oldest] = connection.flying;
        for (const flight of connection.flying) flight.fail(new Error('connection ended before PUBACK'));
        connection.flying.clear();
        const nowMs = clock.monotonicMs();
        if (upSinceMs !== null) {
          lastUpMs = nowMs;
          options.onDown();
        }
        const upMs = upSinceMs === null ? null : nowMs - upSinceMs;
        resolve({ upMs, error, waitingTopic: oldest?.topic ?? null });
      };
      // Without "retain as published" the flag says one thing alone: the broker had this before we subscribed.
      const isStored = (retained: boolean) =>
        retained && clock.monotonicMs() - connection.grantedMs <= STORED_MS_MAX;
      const receive = (message: Incoming) => (over ? undefined : options.onMessage(message));
      const connection: Connection = {
        client,
        grantedMs: Number.POSITIVE_INFINITY,
        extrasAsked: false,
        oneAtATime: tries > 0,
        turn: Promise.resolve(),
        flying: new Set(),
        pubackReasons: new Map(),
        end,
      };
      const onAbort = () => end(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      client.on('error', end);
      client.on('close', () =>
        end(Object.assign(new Error('the connection was closed'), { code: 'CLOSED' })),
      );
      client.on('disconnect', (packet) =>
        end(Object.assign(new Error('the broker ended the connection'), { code: packet.reasonCode })),
      );
      client.on('packetreceive', (packet) => {
        if (packet.cmd === 'puback' && packet.messageId !== undefined && packet.reasonCode) {
          connection.pubackReasons.set(packet.messageId, packet.reasonCode);
        }
      });
      // Called before each acknowledgement, which waits for it: what nobody has taken stays with the broker.
      client.handleMessage = ({ topic, payload, retain, dup }, done) => {
        const bytes = Buffer.from(payload);
        const taken = receive({
          topic,
          stored: isStored(retain),
          bytes: bytes.length,
          again: dup,
          payload: bytes,
        });
        if (taken === undefined) done();
        // Without an acknowledgement the connection has to end: the broker repeats a message on the next one alone.
        else taken.then(() => done(), end);
      };
      client.on('connect', () => {
        if (over) return;
        cleanNext = false;
        current = connection;
        lastUpMs = clock.monotonicMs();
        upSinceMs = lastUpMs;
        notice.connected();
        subscribe(connection);
        if (options.availabilityTopic !== undefined) {
          void publishOn(connection, options.availabilityTopic, 'online', true).catch(() => {});
        }
        options.onUp();
      });
    });
  }

  function subscribe(connection: Connection): void {
    const { subscriptions, extraSubscriptions = [] } = options;
    if (subscriptions.length === 0) return;
    connection.client.subscribe([...subscriptions], { qos: 1 }, (error) => {
      if (current !== connection) return;
      connection.grantedMs = clock.monotonicMs();
      if (error !== null) {
        options.log.warn(
          { errorCode: 'E_MQTT_SUBSCRIBE', topics: subscriptions },
          'the broker does not let us subscribe: halt over MQTT may not work. Allow reading these topics in its access list.',
        );
      }
      if (extraSubscriptions.length === 0 || extrasLeftOut) return;
      connection.extrasAsked = true;
      connection.client.subscribe([...extraSubscriptions], { qos: 1 }, (denied) => {
        // A connection that ends answers everything that was asked, too.
        if (current !== connection) return;
        connection.extrasAsked = false;
        extrasEnded = 0;
        connection.grantedMs = clock.monotonicMs();
        if (denied !== null) leaveExtrasOut();
      });
    });
  }

  function leaveExtrasOut(): void {
    if (extrasLeftOut) return;
    extrasLeftOut = true;
    options.log.warn(
      { errorCode: 'E_MQTT_SUBSCRIBE', topics: options.extraSubscriptions },
      'the broker does not let us subscribe below the halt topic: a halt with a slash at its end may not work. Allow reading it in its access list.',
    );
  }

  function publishOn(
    connection: Connection,
    topic: string,
    payload: string,
    retain: boolean,
  ): Promise<Delivery> {
    if ((heldUntilMs.get(topic) ?? 0) > clock.monotonicMs()) {
      return Promise.reject(new Error(`held back: the broker ends the connection over ${topic}`));
    }
    if (!connection.oneAtATime) return send(connection, topic, payload, retain);
    const sent = connection.turn.then(() => {
      if (current !== connection) throw new Error('connection ended before its turn');
      return send(connection, topic, payload, retain);
    });
    connection.turn = sent.then(
      () => undefined,
      () => undefined,
    );
    return sent;
  }

  function send(connection: Connection, topic: string, payload: string, retain: boolean): Promise<Delivery> {
    return new Promise((resolve, reject) => {
      const flight = { topic, sentMs: clock.monotonicMs(), fail: reject };
      connection.flying.add(flight);
      let messageId: number | undefined;
      connection.client.publish(topic, payload, { qos: 1, retain }, (error) => {
        if (!connection.flying.delete(flight)) return;
        const reason = messageId === undefined ? undefined : connection.pubackReasons.get(messageId);
        if (messageId !== undefined) connection.pubackReasons.delete(messageId);
        if (reason !== undefined && reason >= FAILURE_MIN) tellRefused(topic);
        if (error) reject(error);
        else resolve({ heard: reason !== NO_MATCHING_SUBSCRIBERS });
      });
      messageId = connection.client.getLastMessageId();
    });
  }

  async function keepConnected(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const clientId = await options.clientId.value();
      if (signal.aborted) return;
      const ending = await live(clientId, signal);
      if (signal.aborted || stopping.signal.aborted) return;
      const nowMs = clock.monotonicMs();
      const { takenOver, refusedTopic, ...verdict } = endings.judge({ ...ending, atMs: nowMs });
      tries = verdict.tries;
      notice.failed(ending.error);

      // What can be neither kept nor skipped must not meet us again.
      if ((ending.error as { code?: unknown } | null)?.code === 'ERR_MQTT_PACKET_SIZE') cleanNext = true;
      if (takenOver !== null) {
        options.clientId.renew();
        options.onTakenOver?.(takenOver === 'certain');
      }
      if (refusedTopic !== null) {
        heldUntilMs.set(refusedTopic, nowMs + HELD_BACK_MS);
        tellRefused(refusedTopic);
      }
      const waits = { firstMs: times.backoffFirstMs, maxMs: times.backoffMaxMs };
      // The first wait is for a connection that had lasted.
      await clock.sleep(withJitter(waitMs(waits, tries + 1), options.rng), signal).catch(() => {});
    }
  }

  function tellRefused(topic: string): void {
    if (toldRefused.has(topic)) return;
    toldRefused.add(topic);
    options.log.warn(
      { errorCode: 'E_MQTT_REFUSED', topic },
      `the broker refuses what this box publishes on ${topic}. Allow writing it in the broker’s access list.`,
    );
    options.onRefused?.(topic);
  }

  async function watch(signal: AbortSignal): Promise<void> {
    const everyMs = Math.max(10, Math.min(1000, times.watchdogMs / 4, times.ackTimeoutMs / 4));
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal).catch(() => {});
      if (signal.aborted) return;
      const nowMs = clock.monotonicMs();
      const connection = current;
      if (connection !== undefined) {
        lastUpMs = nowMs;
        for (const flight of connection.flying) {
          if (nowMs - flight.sentMs <= times.ackTimeoutMs) continue;
          connection.end(new Error(`no acknowledgement within ${times.ackTimeoutMs} ms`));
          break;
        }
      } else if (nowMs - lastUpMs > times.watchdogMs) {
        options.log.warn(
          { errorCode: 'E_MQTT_WATCHDOG', awayMs: Math.round(nowMs - lastUpMs) },
          'not connected to the broker for too long: the client is built anew',
        );
        lastUpMs = nowMs;
        run.abort(new Error('watchdog'));
        launch();
      }
    }
  }

  function launch(): void {
    run = new AbortController();
    loops = Promise.all([loops, keepConnected(run.signal)]);
  }

  return {
    start() {
      stopping = new AbortController();
      lastUpMs = clock.monotonicMs();
      launch();
      loops = Promise.all([loops, watch(stopping.signal)]);
    },
    async stop() {
      const connection = current;
      stopping.abort(new Error('stopping'));
      if (connection !== undefined) await farewell(connection);
      run.abort(new Error('stopping'));
      await loops;
    },
    up: () => current !== undefined,
    publish(topic, payload, retain) {
      return current === undefined
        ? Promise.reject(new Error('not connected'))
        : publishOn(current, topic, payload, retain);
    },
  };

  /** The will is for those who die; who leaves says so, and then disconnects, which makes the broker drop the will. */
  async function farewell(connection: Connection): Promise<void> {
    const patience = new AbortController();
    const timeout = (ms: number) => clock.sleep(ms, patience.signal).catch(() => {});
    if (options.availabilityTopic !== undefined) {
      const said = publishOn(connection, options.availabilityTopic, 'offline', true).catch(() => {});
      await Promise.race([said, timeout(FAREWELL_MS)]);
    }
    const left = new Promise<void>((resolve) => connection.client.end(false, () => resolve()));
    await Promise.race([left, timeout(FAREWELL_MS)]);
    patience.abort(new Error('done'));
  }
}
