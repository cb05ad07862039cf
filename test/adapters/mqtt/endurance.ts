import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import type { AlertPayload } from '../../../src/adapters/alert-delivery/alert-payload.js';
import type { Severity } from '../../../src/core/alert.js';
import { createMosquitto } from '../../brokers/mosquitto.js';
import { startPhone } from '../../brokers/phone.js';
import { createBox, eventually, PASSWORD, PHONE_USER, QUICK, USER, USERS } from './box.js';

export interface EnduranceOptions {
  readonly alerts: number;
  readonly kills: number;
  readonly freezeMs: number;
}

export interface EnduranceResult {
  readonly raised: number;
  readonly deliveredIds: number;
  readonly lost: readonly string[];
  readonly duplicates: number;
  /** Ids of messages that came for the first time after a later one of their severity. */
  readonly outOfOrder: readonly string[];
  /** Messages that repeat an id with another content. */
  readonly changed: readonly string[];
  readonly leftInOutbox: number;
  readonly reconnects: number;
  /** Whether the broker tried, in vain, to save its sessions. */
  readonly fullDiskSeen: boolean;
  /** Longest time `raise` took, in ms: what the pipeline feels of it all. */
  readonly raiseMsMax: number;
  readonly raiseMsP99: number;
}

/**
 * Raises alerts all the while a broker with TLS and passwords is killed and restarted, frozen, put on a full disk, given
 * another password and the old one back, and visited by a second client with the box's own id; then lets everything settle and counts.
 */
export async function endure(options: EnduranceOptions): Promise<EnduranceResult> {
  const broker = await createMosquitto({ tls: true, users: USERS });
  await broker.start();
  const phone = await startPhone(broker, ['redbutton/#'], PHONE_USER);
  const clientIdFile = path.join(broker.dir, 'client-id');
  const box = createBox(broker, { clientIdFile, times: { ...QUICK, ackTimeoutMs: 2000 } });
  const raised: { readonly id: string; readonly severity: Severity }[] = [];
  const sink = box.alerts.sink;
  let reconnects = 0;
  let wasUp = false;
  const watching = setInterval(() => {
    if (box.alerts.connected() && !wasUp) reconnects += 1;
    wasUp = box.alerts.connected();
  }, 5);
  const raiseMs: number[] = [];
  let troubled = true;
  let fullDiskSeen = false;

  const raiseAll = async () => {
    const severities = ['critical', 'warning', 'info'] as const;
    // Paced so that the alerts span the whole of the trouble, whatever it takes.
    const expectedMs = options.kills * 900 + options.freezeMs + 16_000;
    for (let i = 0; i < options.alerts; i++) {
      const severity = severities[i % 3]!;
      const id = `alert-${String(i).padStart(5, '0')}`;
      raised.push({ id, severity });
      const startMs = performance.now();
      // A code of its own for each: folding has its own tests, here every id must come alone and in order.
      await sink.raise({
        id,
        code: `SOAK_${i}`,
        severity,
        text: `Soak ${i}.`,
        figures: { i },
        atMs: Date.now(),
      });
      raiseMs.push(performance.now() - startMs);
      if (troubled) await delay((expectedMs / options.alerts) * (0.5 + Math.random()));
    }
  };

  const trouble = async () => {
    for (let i = 0; i < options.kills; i++) {
      await delay(100 + Math.random() * 500);
      await broker.kill();
      await delay(50 + Math.random() * 200);
      await broker.start();
    }
    await eventually('connected after the kills', () => box.alerts.connected(), 30_000);
    broker.freeze();
    await delay(options.freezeMs);
    broker.thaw();
    await eventually('connected after the freeze', () => box.alerts.connected(), 60_000);
    // On a full disk the broker cannot save its sessions; what it is given it must hand on all the same.
    broker.setDiskFull(true);
    await broker.kill();
    await broker.start();
    await eventually('connected on a full disk', () => box.alerts.connected(), 30_000);
    await delay(3000);
    fullDiskSeen = /Saving in-memory database/.test(broker.output());
    broker.setDiskFull(false);
    await broker.kill();
    await broker.start();
    await eventually('connected after the full disk', () => box.alerts.connected(), 30_000);
    // Another password: the running connection stays, so the broker is restarted as its owner would.
    broker.setUsers({ ...USERS, [USER]: 'changed' });
    await broker.kill();
    await broker.start();
    await delay(1500);
    broker.setUsers(USERS);
    await eventually('connected with the old password', () => box.alerts.connected(), 30_000);
    for (let i = 0; i < 5; i++) {
      const twin = await connectAsync(broker.url.replace('localhost', '127.0.0.1'), {
        protocolVersion: 5,
        clientId: `redbutton-test-box-trader-${readFileSync(clientIdFile, 'utf8').trim()}`,
        clean: false,
        username: USER,
        password: PASSWORD,
        rejectUnauthorized: false,
        reconnectPeriod: 0,
      });
      twin.on('error', () => {});
      await eventually('back after the twin', () => box.alerts.connected(), 30_000);
      twin.end(true);
      await delay(200);
    }
    troubled = false;
  };

  try {
    await box.alerts.start();
    await eventually('connected', () => box.alerts.connected());
    await Promise.all([raiseAll(), trouble()]);
    await eventually('outbox empty', () => box.outbox.alerts.size === 0, 120_000).catch(() => {});
    const alertsHere = () => phone.received.filter((m) => m.topic.includes('/alert/'));
    await eventually(
      'all at the phone',
      () =>
        new Set(alertsHere().flatMap((m) => (JSON.parse(m.payload) as AlertPayload).ids)).size >=
        raised.length,
      30_000,
    ).catch(() => {});
    const payloads = alertsHere().map((m) => JSON.parse(m.payload) as AlertPayload);
    raiseMs.sort((a, b) => a - b);
    return {
      ...judge(raised, payloads),
      leftInOutbox: box.outbox.alerts.size,
      reconnects,
      fullDiskSeen,
      raiseMsMax: raiseMs[raiseMs.length - 1]!,
      raiseMsP99: raiseMs[Math.ceil(raiseMs.length * 0.99) - 1]!,
    };
  } finally {
    clearInterval(watching);
    await box.alerts.stop();
    await phone.stop();
    await broker.dispose();
  }
}

function judge(raised: readonly { readonly id: string }[], payloads: readonly AlertPayload[]) {
  const seen = new Map<string, string>();
  const newest: Record<string, string> = {};
  const outOfOrder: string[] = [];
  const changed: string[] = [];
  let duplicates = 0;
  for (const payload of payloads) {
    const content = JSON.stringify([payload.ids, payload.code, payload.figures, payload.atMs]);
    const before = seen.get(payload.id);
    if (before !== undefined) {
      duplicates += 1;
      if (before !== content) changed.push(payload.id);
      continue;
    }
    if (payload.id < (newest[payload.severity] ?? '')) outOfOrder.push(payload.id);
    else newest[payload.severity] = payload.id;
    seen.set(payload.id, content);
  }
  const delivered = new Set(payloads.flatMap((payload) => payload.ids));
  return {
    raised: raised.length,
    deliveredIds: delivered.size,
    lost: raised.map(({ id }) => id).filter((id) => !delivered.has(id)),
    duplicates,
    outOfOrder,
    changed,
  };
}
