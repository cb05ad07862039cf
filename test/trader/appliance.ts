import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { type CandleColumns, toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { ExchangeSimulator } from '../../src/simulator/index.js';
import type { Mosquitto } from '../brokers/mosquitto.js';

export const USERS = { redbutton: 'the box’s password', phone: 'the phone’s password' };
export const PHONE_USER = ['phone', USERS.phone] as const;
export const BOX_ENV = {
  REDBUTTON_MQTT_USERNAME: 'redbutton',
  REDBUTTON_MQTT_PASSWORD: USERS.redbutton,
} as const;

const MODEL = fileURLToPath(new URL('../../models/sp500-daily', import.meta.url));
const DAY_MS = 86_400_000;
const HISTORY = 60;

/** A market and the files of a box that trades on it; nothing runs yet but the exchange. */
export interface Appliance {
  readonly simulator: ExchangeSimulator;
  readonly dir: string;
  /** The configuration file's text; without MQTT where its section is null. */
  configText(settings?: Readonly<Record<string, object | null>>): string;
  dispose(): Promise<void>;
}

export async function createAppliance(broker: Mosquitto, bars: number, seed = 7): Promise<Appliance> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
  const simulator = new ExchangeSimulator({
    markets: [{ symbol: 'BTC/USDT', timeframe: '1d', candles: market(HISTORY + bars + 1, seed) }],
    startIndex: HISTORY,
    book: { halfSpreadBps: 5 },
  });
  await simulator.start();
  return {
    simulator,
    dir,
    configText: (settings = {}) =>
      stringify({
        mode: 'paper',
        timeframe: '1d',
        modelDir: MODEL,
        device: { name: 'test-box', stateDir: path.join(dir, 'state'), runDir: dir },
        exchange: [
          {
            id: 'binance',
            symbols: ['BTC/USDT'],
            restUrl: simulator.restUrl,
            wsUrl: simulator.wsUrl,
            simulatedTime: true,
          },
        ],
        // Low enough for a signal on most bars: what is shown here is what becomes of them.
        signals: { confidenceThreshold: 0.005 },
        risk: { drawdownHaltFraction: 0.9 },
        execution: { ordersPerMinuteMax: 1_000_000 },
        ingestion: { silenceMsMax: 86_400_000 },
        gpio: { backend: 'simulated' },
        log: { level: 'warn' },
        ...settings,
        mqtt:
          settings.mqtt === null ? undefined : { url: broker.url, caFile: broker.caFile, ...settings.mqtt },
      }),
    async dispose() {
      await simulator.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A random walk of days that stays on the price tick. */
function market(count: number, seed: number): CandleColumns {
  const random = seededRng(seed).next;
  const round = (price: number) => Math.round(price * 100) / 100;
  let close = 30_000;
  return toColumns(
    Array.from({ length: count }, (_, i) => {
      const open = close;
      close = round(open * (1 + (random() - 0.5) * 0.03));
      return {
        openMs: Date.UTC(2022, 0, 1) + i * DAY_MS,
        open,
        high: round(Math.max(open, close) * 1.002),
        low: round(Math.min(open, close) * 0.998),
        close,
        volume: 100 + Math.floor(random() * 100),
      };
    }),
  );
}
