// @module-tag sockets

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createNtfyAlerts, type NtfyAlerts } from '../../../src/adapters/ntfy/index.js';
import { type Alerts, createAlertIds, createAlerts } from '../../../src/core/alert.js';
import { ALERT_CATALOGUE } from '../../../src/core/alert-catalogue.js';
import { createMemoryOutbox } from '../alert-delivery/memory-outbox.js';
import { eventually } from '../mqtt/box.js';

const TOPIC = 'a-topic-nobody-guesses';
const TOKEN = 'tk_secret';

interface Push {
  readonly headers: IncomingHttpHeaders;
  readonly body: Readonly<Record<string, unknown>>;
}

describe('alerts through ntfy', () => {
  let server: Server;
  let pushes: Push[];
  /** Statuses of the next answers; 200 once they are used up. */
  let answers: number[];
  /** What stands in for ntfy's own answer. */
  let answer: string | null;
  let ntfy: NtfyAlerts;
  let raiser: Alerts;
  let outbox: ReturnType<typeof createMemoryOutbox>;
  let logged: string[];

  beforeEach(async () => {
    pushes = [];
    answers = [];
    answer = null;
    logged = [];
    server = createServer(async (request, response) => {
      const body = JSON.parse(await text(request)) as Push['body'];
      const status = answers.shift() ?? 200;
      if (status === 200) pushes.push({ headers: request.headers, body });
      response
        .writeHead(status)
        .end(answer ?? JSON.stringify({ id: 'x1', event: 'message', topic: body.topic }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const clock = createSystemClock();
    const log = (fields: object, message: string) => void logged.push(JSON.stringify(fields) + message);
    outbox = createMemoryOutbox();
    ntfy = createNtfyAlerts({
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      topic: { reveal: () => TOPIC },
      token: { reveal: () => TOKEN },
      device: 'test-box',
      alerts: { perCodeMax: 100, rateWindowMs: 1000, backlogPerSecondMax: 500 },
      outbox,
      clock,
      log: { info: log, warn: log, error: log },
    });
    const ids = createAlertIds('test-box', clock, { next: Math.random });
    raiser = createAlerts(ALERT_CATALOGUE, clock, ntfy.sink, ids);
  });
  afterEach(async () => {
    await ntfy.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('pushes sentence, remedy and priority, with the token in its header', async () => {
    await ntfy.start();
    await raiser.raise('HALTED', { cause: 'the button was pressed' });
    await eventually('pushed', () => outbox.alerts.size === 0);
    expect(pushes).toHaveLength(1);
    expect(pushes[0]!.headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(pushes[0]!.body).toMatchObject({
      topic: TOPIC,
      title: 'test-box: critical',
      priority: 5,
      tags: ['rotating_light', 'HALTED'],
    });
    expect(pushes[0]!.body.message).toMatch(
      /^Trading is halted: the button was pressed\.\nThe message that confirms it/,
    );
  });

  it('what waited in the outbox from before goes out at the start', async () => {
    await raiser.raise('HALTED', { cause: 'a power cut' });
    expect(pushes).toHaveLength(0);
    await ntfy.start();
    await eventually('pushed', () => pushes.length === 1);
  });

  it.each([
    ['a login page', '<html><title>Welcome to the hotel</title></html>'],
    ['nothing', ''],
    ['JSON of somebody else', '{"ok":true}'],
    ['an id that is none', '{"id":""}'],
    ['another event', '{"id":"x1","event":"open"}'],
    ['another topic', '{"id":"x1","event":"message","topic":"elsewhere"}'],
    ['an endless page', `{"id":"x1"}${' '.repeat(200_000)}`],
  ])('a server that answers 200 with %s has taken nothing', async (_name, said) => {
    answer = said;
    await ntfy.start();
    await raiser.raise('HALTED', { cause: 'the button was pressed' });
    await eventually('told', () => logged.length === 1);
    expect(logged[0]).toContain('no ntfy server');
    expect(outbox.alerts.size).toBe(1);
    answer = null;
    await eventually('pushed in the end', () => outbox.alerts.size === 0, 8000);
  });

  it('a refusal keeps the alert, is told once with the reason, and without topic and token', async () => {
    answers = [403];
    await ntfy.start();
    await raiser.raise('HALTED', { cause: 'the button' });
    await eventually('told', () => logged.length === 1);
    expect(logged[0]).toContain('it answered 403');
    expect(logged.join()).not.toContain(TOKEN);
    expect(logged.join()).not.toContain(TOPIC);
    expect(outbox.alerts.size).toBe(1);
    await eventually('pushed in the end', () => pushes.length === 1, 8000);
  });
});
