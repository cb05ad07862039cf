// @module-tag processes

import { type AddressInfo, createServer } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { explainEnding } from '../../../src/adapters/mqtt/explain-ending.js';
import { sendTestAlerts } from '../../../src/adapters/mqtt/index.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { startPhone } from '../../brokers/phone.js';
import { type Box, boxState, createBox, eventually, troubles } from './box.js';
import { faultsOf } from './schemas.js';

const peer = { broker: 'mqtt://broker', protocolVersion: 5 } as const;
const coded = (code: unknown) => Object.assign(new Error('it ended'), { code });
const connack = (...bytes: number[]) => Buffer.from([0x20, bytes.length, ...bytes]);
const reasonString = [...Buffer.from('ask Bob')];

/** What `alert test` says of a broker that answers the first packet so. */
async function saidOf(answer: Buffer | null, protocolVersion: 4 | 5): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => (answer === null ? socket.destroy() : socket.end(answer)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await sendTestAlerts({
      config: { url, keepaliveSeconds: 30, protocolVersion, discoveryPrefix: '' },
      credentials: {},
      device: 'x',
      clientSuffix: '1',
      alerts: [],
      clock: createSystemClock(),
      timeoutMs: 400,
    });
    return 'delivered';
  } catch (error) {
    const { code, message, remedy } = error as { code: string; message: string; remedy: string };
    expect(code).toBe('E_MQTT_TEST');
    return `${message} → ${remedy}`;
  } finally {
    server.close();
  }
}

describe('why there is no connection', () => {
  it.each([
    [
      'MQTT 3.1.1 alone, as MQTT 3.1.1 says it',
      connack(0, 1),
      5,
      /does not speak MQTT 5 \(.*Unacceptable protocol version\) → Set mqtt\.protocolVersion = 4/,
    ],
    [
      'MQTT 3.1.1 alone, as MQTT 5 says it',
      connack(0, 132, 0),
      5,
      /does not speak MQTT 5 \(.*\) → Set mqtt\.protocolVersion = 4/,
    ],
    ['MQTT 5 alone', connack(0, 1), 4, /does not speak MQTT 3\.1\.1 .* → Leave mqtt\.protocolVersion out/],
    [
      'another password',
      connack(0, 134, 0),
      5,
      /refuses user or password \(.*Bad User Name or Password\) → Check the credentials/,
    ],
    [
      'a reason in words',
      connack(0, 135, 10, 0x1f, 0, 7, ...reasonString),
      5,
      /\(Connection refused: Not authorized \("ask Bob"\)\)/,
    ],
    [
      'no such client id',
      connack(0, 2),
      4,
      /refuses the box’s client id .* → Allow ids that begin with "redbutton-"/,
    ],
    ['too busy', connack(0, 137, 0), 5, /is there, but takes no connection now \(.*Server busy\)/],
    [
      'a limit of packets',
      connack(0, 149, 0),
      5,
      /takes no packet as large .* → Raise the broker’s packet limit/,
    ],
    ['no retained messages', connack(0, 154, 0), 5, /takes no retained messages/],
    ['nothing', null, 5, /closed the connection without an answer .* needs mqtt\.protocolVersion = 4$/],
    [
      'HTTP',
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      5,
      /does not speak MQTT as it should .* → Check host and port/,
    ],
  ] as const)(
    '%s is named, with the broker’s own reason and the remedy',
    async (_what, answer, version, expected) => {
      expect(await saidOf(answer, version)).toMatch(expected);
    },
  );

  it.each([
    [
      coded(142),
      null,
      /another client connected to mqtt:\/\/broker under this box’s client id/,
      /copy of this one’s card/,
    ],
    [coded(135), 'a/b', /forbids what this box publishes on a\/b$/, /access list/],
    [coded(149), 'a/b', /takes no message as large as that on a\/b$/, /max_packet_size/],
    [
      coded('CLOSED'),
      'a/b',
      /closed the connection while a message on a\/b waited/,
      /forbids that topic or takes no message as large/,
    ],
    [coded('CLOSED'), null, /no connection to the broker/, /copy of this one’s card/],
  ])('of a connection that was up: %j over %j', (error, waitingTopic, sentence, remedy) => {
    const explained = explainEnding({ error, upMs: 100, waitingTopic }, peer);
    expect(explained.sentence).toMatch(sentence);
    expect(explained.remedy).toMatch(remedy);
  });
});

describe.skipIf(!mosquittoInstalled())('a broker with a packet limit', () => {
  let broker: Mosquitto | undefined;
  let box: Box | undefined;
  afterEach(async () => {
    await box?.alerts.stop();
    await broker?.dispose();
  });

  it('keeps its connection and gets all that is small enough; what is not is named once', async () => {
    broker = await createMosquitto({ packetBytesMax: 2000 });
    await broker.start();
    const heard: string[] = [];
    box = createBox(broker, { credentials: {}, onTrouble: (raise) => void raise(troubles(heard)) });
    await box.alerts.start();
    await eventually('connected', () => box!.alerts.connected());
    box.alerts.sink.publishState(boxState());
    await box.raiser.raise('HALTED', { cause: 'a test' });
    await eventually('named', () => heard.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(heard).toEqual([
      expect.stringMatching(
        /^The broker refuses what the box publishes on homeassistant\/device\/redbutton_test_box\/config: the message has \d{4} bytes, and it takes 2000 at most\.$/,
      ),
    ]);
    expect(box.alerts.connected()).toBe(true);
    expect(box.logged.filter(({ fields }) => fields.errorCode === 'E_MQTT')).toEqual([]);
  });

  it('gets a shorter form of an alert that is too large, which keeps back none that come after it', async () => {
    broker = await createMosquitto({ packetBytesMax: 2000 });
    await broker.start();
    const phone = await startPhone(broker, ['redbutton/#']);
    try {
      box = createBox(broker, { credentials: {} });
      // Alerts of a time without a connection are folded into one message, which names each of them.
      for (let i = 0; i < 200; i++) await box.raiser.raise('TRADER_BACK', { detail: 'of old' });
      await box.alerts.start();
      await phone.until((m) => m.payload.includes('of old'), 4000);
      await box.raiser.raise('TRADER_BACK', { detail: 'of now' });
      await phone.until((m) => m.payload.includes('of now'), 4000);
      const folded = JSON.parse(phone.received.find((m) => m.payload.includes('of old'))!.payload);
      expect(folded).toMatchObject({ code: 'TRADER_BACK', ids: [folded.id], figures: {} });
      expect(folded.text).toContain('199 more like it');
      expect(phone.received.filter((m) => m.topic.includes('/alert/')).flatMap(faultsOf)).toEqual([]);
    } finally {
      await phone.stop();
    }
  });
});
