import { type IPublishPacket, MqttClient, type Packet, ReasonCodes } from 'mqtt';
import type { Delivery } from '../alert-delivery/alert-pump.js';
import { openBrokerStream } from './broker-stream.js';
import type { Incoming } from './commands.js';
import { connectOptions, tlsOptions } from './connect-options.js';
import type { Ending } from './endings.js';
import type { ExtraTopics } from './extra-topics.js';
import type { LinkOptions } from './link-options.js';
import type { RejectedTopics } from './rejected-topics.js';

export interface ConnectionOptions {
  readonly link: LinkOptions;
  readonly clientId: string;
  /** Begins a new session at the broker. */
  readonly clean: boolean;
  /** After connections that ended soon: then it shows over which message. */
  readonly oneAtATime: boolean;
  readonly extras: ExtraTopics;
  readonly refused: RejectedTopics;
  /** Ends the connection. */
  readonly signal: AbortSignal;
  /** Before anything is sent. */
  readonly onConnect: () => void;
  /** A connection that was up has ended. */
  readonly onEnd: () => void;
}

interface Flight {
  readonly topic: string;
  readonly sentMs: number;
  readonly fail: (error: Error) => void;
}

const FAREWELL_MS = 1500;
/** Nothing that is for us is large; what is larger is skipped. */
const INCOMING_BYTES_MAX = 256 * 1024;
/** How long after its subscription was granted a message with the retain flag is one that the broker had stored. */
const STORED_MS_MAX = 10_000;
const NO_MATCHING_SUBSCRIBERS = 16;
const SAID_LENGTH_MAX = 200;
/** Reason codes of a PUBACK from here on are failures. */
const FAILURE_MIN = 128;

/** One MQTT connection, from first packet to last. The constructor throws where it cannot even be attempted. */
export class BrokerConnection {
  /** Resolves to the reason why it ended. */
  readonly ended: Promise<Omit<Ending, 'atMs'>>;
  readonly #options: ConnectionOptions;
  readonly #link: LinkOptions;
  readonly #client: MqttClient;
  readonly #flying = new Set<Flight>();
  /** Reasons other than success, by message id, of PUBACKs whose callback is about to run. */
  readonly #pubackReasons = new Map<number, number>();
  /** When the broker granted the subscriptions. */
  #grantedMs = Number.POSITIVE_INFINITY;
  /** The extra topics are asked for, and neither granted nor denied yet. */
  #extrasAsked = false;
  /** The largest packet that the broker takes. */
  #packetBytesMax = Number.POSITIVE_INFINITY;
  /** What the broker said, in its own words, as it refused or ended the connection. */
  #said = '';
  #upSinceMs: number | null = null;
  #over = false;
  /** Settles when the message before has. */
  #turn: Promise<void> = Promise.resolve();
  #resolveEnded!: (ending: Omit<Ending, 'atMs'>) => void;
  readonly #onAbort = () => this.end(this.#options.signal.reason);

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#link = options.link;
    this.#client = this.#open();
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    options.signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#listen();
  }

  get isUp(): boolean {
    return this.#upSinceMs !== null && !this.#over;
  }

  end(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    const { signal, extras, onEnd } = this.#options;
    signal.removeEventListener('abort', this.#onAbort);
    // Our listeners stay: the client's own, beside them, stop its timers, and a late error must find a listener.
    this.#client.end(true);
    if (this.#extrasAsked && !signal.aborted) extras.endedUnanswered();
    const [oldest] = this.#flying;
    for (const flight of this.#flying) flight.fail(new Error('connection ended before PUBACK'));
    this.#flying.clear();
    const nowMs = this.#link.clock.monotonicMs();
    const upMs = this.#upSinceMs === null ? null : nowMs - this.#upSinceMs;
    if (upMs !== null) onEnd();
    this.#resolveEnded({ upMs, error, waitingTopic: oldest?.topic ?? null });
  }

  /** Ends it where an acknowledgement is overdue. */
  checkAcknowledgements(nowMs: number): void {
    const { ackTimeoutMs } = this.#link.times;
    for (const flight of this.#flying) {
      if (nowMs - flight.sentMs <= ackTimeoutMs) continue;
      this.end(new Error(`no acknowledgement within ${ackTimeoutMs} ms`));
      break;
    }
  }

  /** Whether the broker has said that it takes packets as large as this one. */
  fits(topic: string, payload: string): boolean {
    return packetBytes(topic, payload) <= this.#packetBytesMax;
  }

  publish(topic: string, payload: string, retain: boolean): Promise<Delivery> {
    if (this.#options.refused.isHeldBack(topic)) {
      return Promise.reject(new Error(`held back: the broker ends the connection over ${topic}`));
    }
    if (!this.#options.oneAtATime) return this.#send(topic, payload, retain);
    const sent = this.#turn.then(() => {
      if (!this.isUp) throw new Error('connection ended before its turn');
      return this.#send(topic, payload, retain);
    });
    this.#turn = sent.then(
      () => undefined,
      () => undefined,
    );
    return sent;
  }

  /** The will is for those who die; who leaves says so, and then disconnects, which makes the broker drop the will. */
  async farewell(): Promise<void> {
    const { clock, availabilityTopic } = this.#link;
    const patience = new AbortController();
    const timeout = (ms: number) => clock.sleep(ms, patience.signal).catch(() => {});
    if (availabilityTopic !== undefined) {
      const said = this.publish(availabilityTopic, 'offline', true).catch(() => {});
      await Promise.race([said, timeout(FAREWELL_MS)]);
    }
    const left = new Promise<void>((resolve) => this.#client.end(false, () => resolve()));
    await Promise.race([left, timeout(FAREWELL_MS)]);
    patience.abort(new Error('done'));
  }

  #open(): MqttClient {
    const { url, config, credentials, times, availabilityTopic } = this.#link;
    const { clientId, clean } = this.#options;
    const tls = tlsOptions(config);
    return new MqttClient(
      () =>
        openBrokerStream(url, tls, INCOMING_BYTES_MAX, ({ topic, retained, bytes, again }) =>
          this.#receive({ topic, stored: this.#isStored(retained), bytes, again, payload: null }),
        ),
      connectOptions(config, clientId, credentials, times.connectTimeoutMs, availabilityTopic, clean),
    );
  }

  #listen(): void {
    const ended = (message: string, code: unknown) => this.end(Object.assign(new Error(message), { code }));
    this.#client.on('error', (error) => {
      if (this.#said !== '') error.message += ` ("${this.#said}")`;
      this.end(error);
    });
    this.#client.on('close', () => ended('the connection was closed', 'CLOSED'));
    this.#client.on('disconnect', (packet) => {
      const why = [ReasonCodes[(packet.reasonCode ?? 0) as keyof typeof ReasonCodes], this.#said].filter(
        Boolean,
      );
      ended(['the broker ended the connection', ...why].join(': '), packet.reasonCode);
    });
    this.#client.on('packetreceive', (packet) => this.#noteReason(packet));
    // Called before each acknowledgement, which waits for it: what nobody has taken stays with the broker.
    this.#client.handleMessage = (packet, done) => this.#take(packet, done);
    this.#client.on('connect', ({ properties }) => {
      this.#packetBytesMax = properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
      this.#connected();
    });
  }

  #connected(): void {
    if (this.#over) return;
    const { availabilityTopic, onUp } = this.#link;
    this.#upSinceMs = this.#link.clock.monotonicMs();
    this.#options.onConnect();
    this.#subscribe();
    if (availabilityTopic !== undefined) {
      void this.publish(availabilityTopic, 'online', true).catch(() => {});
    }
    onUp();
  }

  #subscribe(): void {
    const { subscriptions, clock, log } = this.#link;
    if (subscriptions.length === 0) return;
    this.#client.subscribe([...subscriptions], { qos: 1 }, (error) => {
      if (!this.isUp) return;
      this.#grantedMs = clock.monotonicMs();
      if (error !== null) {
        log.warn(
          { errorCode: 'E_MQTT_SUBSCRIBE', topics: subscriptions },
          'the broker does not let us subscribe: halt over MQTT may not work. Allow reading these topics in its access list.',
        );
      }
      this.#askForExtras();
    });
  }

  #askForExtras(): void {
    const { extras } = this.#options;
    const topics = extras.wanted;
    if (topics.length === 0) return;
    this.#extrasAsked = true;
    this.#client.subscribe([...topics], { qos: 1 }, (denied) => {
      // A connection that ends answers everything that was asked, too.
      if (!this.isUp) return;
      this.#extrasAsked = false;
      this.#grantedMs = this.#link.clock.monotonicMs();
      extras.answered(denied !== null);
    });
  }

  #take({ topic, payload, retain, dup }: IPublishPacket, done: () => void): void {
    const bytes = Buffer.from(payload);
    const taken = this.#receive({
      topic,
      stored: this.#isStored(retain),
      bytes: bytes.length,
      again: dup,
      payload: bytes,
    });
    // Without an acknowledgement the connection has to end: the broker repeats a message on the next one alone.
    const notTaken = (error: unknown) => this.end(error);
    if (taken === undefined) done();
    else taken.then(() => done(), notTaken);
  }

  /** Without "retain as published" the flag says one thing alone: the broker had this before we subscribed. */
  #isStored(retained: boolean): boolean {
    return retained && this.#link.clock.monotonicMs() - this.#grantedMs <= STORED_MS_MAX;
  }

  #receive(message: Incoming): void | Promise<void> {
    return this.#over ? undefined : this.#link.onMessage(message);
  }

  #noteReason(packet: Packet): void {
    if (packet.cmd === 'connack' || packet.cmd === 'disconnect') {
      this.#said = (packet.properties?.reasonString ?? '').replace(/\p{Cc}/gu, ' ').slice(0, SAID_LENGTH_MAX);
    }
    if (packet.cmd === 'puback' && packet.messageId !== undefined && packet.reasonCode) {
      this.#pubackReasons.set(packet.messageId, packet.reasonCode);
    }
  }

  #send(topic: string, payload: string, retain: boolean): Promise<Delivery> {
    if (!this.fits(topic, payload)) {
      // The broker would end the connection over it (MQTT 5, section 3.2.2.3.6).
      const bytes = packetBytes(topic, payload);
      const reason = `the message has ${bytes} bytes, and it takes ${this.#packetBytesMax} at most`;
      this.#options.refused.report(topic, reason);
      return Promise.reject(new Error(`too large for the broker: ${reason}`));
    }
    return new Promise((resolve, reject) => {
      const flight = { topic, sentMs: this.#link.clock.monotonicMs(), fail: reject };
      this.#flying.add(flight);
      let messageId: number | undefined;
      this.#client.publish(topic, payload, { qos: 1, retain }, (error) => {
        if (!this.#flying.delete(flight)) return;
        const reason = messageId === undefined ? undefined : this.#pubackReasons.get(messageId);
        if (messageId !== undefined) this.#pubackReasons.delete(messageId);
        if (reason !== undefined && reason >= FAILURE_MIN) {
          this.#options.refused.report(topic, reasonText(reason));
        }
        if (error) reject(error);
        else resolve({ heard: reason !== NO_MATCHING_SUBSCRIBERS });
      });
      messageId = this.#client.getLastMessageId();
    });
  }
}

/** A PUBLISH of QoS 1 without properties: MQTT 5, section 3.3. */
function packetBytes(topic: string, payload: string): number {
  const [topicLength, messageId, propertyLength] = [2, 2, 1];
  const rest =
    topicLength + Buffer.byteLength(topic) + messageId + propertyLength + Buffer.byteLength(payload);
  const lengthBytes = 1 + Math.floor(Math.log2(rest) / 7);
  return 1 + lengthBytes + rest;
}

function reasonText(code: number): string {
  return (ReasonCodes[code as keyof typeof ReasonCodes] ?? `reason ${code}`).toLowerCase();
}
