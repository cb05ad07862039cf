import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { type LinkTimes, MqttAlerts, type MqttAlertsOptions } from '../../../src/adapters/mqtt/index.js';
import { type Alerts, createAlertIds, createAlerts } from '../../../src/core/alert.js';
import { ALERT_CATALOGUE } from '../../../src/core/alert-catalogue.js';
import type { BoxState } from '../../../src/ports/alerts.js';
import type { Clock } from '../../../src/ports/time.js';
import type { Mosquitto } from '../../brokers/mosquitto.js';
import { createMemoryOutbox } from '../alert-delivery/memory-outbox.js';

export const USER = 'redbutton';
export const PASSWORD = 'correct horse battery staple';
export const USERS = { [USER]: PASSWORD, phone: 'phone-password' };
export const PHONE_USER = ['phone', 'phone-password'] as const;

/** Times that make a test quick; nothing else of the adapter is changed by them. */
export const QUICK: Partial<LinkTimes> = { backoffFirstMs: 100, backoffMaxMs: 500, connectTimeoutMs: 2000 };

export interface LoggedLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A box as the trader builds it, on a given broker, with everything it logs kept. */
export interface Box {
  readonly alerts: MqttAlerts;
  readonly raiser: Alerts;
  readonly outbox: ReturnType<typeof createMemoryOutbox>;
  readonly logged: LoggedLine[];
  readonly clock: Clock;
}

export function createBox(
  broker: Pick<Mosquitto, 'url'> & { readonly caFile?: string },
  options: Partial<MqttAlertsOptions> = {},
): Box {
  const clock = options.clock ?? createSystemClock();
  const outbox = createMemoryOutbox();
  const logged: LoggedLine[] = [];
  const level = (name: LoggedLine['level']) => (fields: object, message: string) =>
    void logged.push({ level: name, fields: { ...fields }, message });
  const device = options.device ?? 'test-box';
  const alerts = new MqttAlerts({
    config: {
      url: broker.url,
      ...(broker.url.startsWith('mqtts') ? { caFile: broker.caFile } : {}),
      keepaliveSeconds: 30,
      discoveryPrefix: 'homeassistant',
    },
    alerts: { perCodeMax: 1000, rateWindowMs: 600_000, backlogPerSecondMax: 500 },
    device,
    role: 'trader',
    credentials: { username: USER, password: { reveal: () => PASSWORD } },
    outbox,
    clock,
    log: { info: level('info'), warn: level('warn'), error: level('error') },
    version: '0.1.0-test',
    times: QUICK,
    ...options,
  });
  const ids = createAlertIds(device, clock, { next: Math.random });
  return {
    alerts,
    raiser: createAlerts(ALERT_CATALOGUE, clock, alerts.sink, ids),
    outbox,
    logged,
    clock,
  };
}

export function boxState(more: Partial<BoxState> = {}): BoxState {
  return {
    tradingState: 'ACTIVE',
    mode: 'paper',
    equity: 100_250.5,
    drawdown: 0.012,
    positions: { 'BTC/USDT': 0.25 },
    trades: { closed: 3, profit: '250.5', fees: { USDT: '12.25' } },
    feedAgeMs: 350,
    modelHealth: 'HEALTHY',
    rollingAuc: 0.561,
    layers: [
      { layer: 'ingestion', state: 'ok', lastSuccessMs: 1_700_000_000_000, errorCode: null, detail: null },
    ],
    version: '0.1.0-test',
    atMs: 1_700_000_000_000,
    ...more,
  };
}

/** Waits until a condition holds; rejects with `what` after `ms`. */
export async function eventually(what: string, holds: () => boolean, ms = 10_000): Promise<void> {
  const untilMs = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > untilMs) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Takes what a person should hear of, as sentences, in place of sending it. */
export function troubles(heard: string[]): Alerts {
  const sink = { raise: async (alert: { readonly text: string }) => void heard.push(alert.text) };
  const clock = createSystemClock();
  return createAlerts(ALERT_CATALOGUE, clock, sink, createAlertIds('test-box', clock, { next: Math.random }));
}
