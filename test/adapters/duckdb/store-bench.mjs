// Measures the store on this machine's disk: bars committed a second, candles imported a second, bytes written a bar.
// Run after `npm run build`: node test/adapters/duckdb/store-bench.mjs [directory]
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openStore } from '../../../dist/adapters/duckdb/index.js';

const parent = process.argv[2] ?? tmpdir();
const bars = Number(process.argv[3] ?? 3000);
const directory = mkdtempSync(path.join(parent, 'redbutton-bench-'));
const file = path.join(directory, 'redbutton.duckdb');
const stream = { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1m' };
const T0 = Date.UTC(2024, 0, 1);
const writtenBytes = () => Number(/^write_bytes: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))[1]);

function bar(i) {
  const x = Math.sin(i) + Math.sin(i / 7);
  const candle = {
    openMs: T0 + i * 60_000,
    open: 100 + x,
    high: 103 + x,
    low: 97 + x,
    close: 100.5 + x,
    volume: 10 + x,
  };
  const atMs = candle.openMs + 60_250;
  return {
    stream,
    candle,
    availableAtMs: atMs,
    decided: true,
    decidedAtMs: atMs + 3,
    prediction: {
      openMs: candle.openMs,
      probabilityUp: 0.5 + x / 10,
      probabilityUpCalibrated: 0.5 + x / 11,
      modelHash: 'a'.repeat(64),
    },
    features: Float64Array.from({ length: 10 }, (_, k) => x * (k + 1.1)),
    signal: { kind: 'signal', direction: 'long', confidence: Math.abs(x / 5), probabilityWin: 0.5 + x / 11 },
    risk: {
      kind: 'order',
      side: 'buy',
      units: x,
      targetUnits: x,
      positionFraction: 0.1,
      kellyRaw: x,
      inputs: {
        equity: 1e5 + x,
        peakEquity: 1e5 + 2,
        drawdown: 0.01,
        positionUnits: x,
        quote: { bid: 100 + x, ask: 100.1 + x, atMs, source: 'book' },
        state: 'ACTIVE',
        averageWin: 0.02,
        averageLoss: 0.015,
        annualVolatility: 0.5 + x / 10,
        outsideTraining: 0,
        exchange: 'binance',
      },
    },
    account: {
      atMs,
      equity: 1e5 + x,
      cash: 1e5 - x,
      peakEquity: 1e5 + 2,
      drawdown: 0.01,
      breakerTripped: false,
    },
  };
}

async function timed(work) {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

const store = await openStore({ path: file });
const before = writtenBytes();
const cpuBefore = process.cpuUsage();
const seconds = await timed(async () => {
  for (let i = 0; i < bars; i++) await store.commitBar(bar(i));
});
const cpu = process.cpuUsage(cpuBefore);
process.stdout.write(
  `committed bars, one by one: ${Math.round(bars / seconds)} bars/s, ${Math.round((writtenBytes() - before) / bars)} bytes written and ${((cpu.user + cpu.system) / 1000 / bars).toFixed(2)} ms of processor time a bar\n`,
);
const beforeMany = writtenBytes();
const together = await timed(async () => {
  for (let i = 0; i < bars; i += 20)
    await Promise.all(
      Array.from({ length: 20 }, (_, k) => {
        const record = bar(i + k);
        return store.commitBar({ ...record, stream: { ...stream, symbol: `S${k}/USDT` } });
      }),
    );
});
process.stdout.write(
  `committed bars, 20 symbols at once: ${Math.round(bars / together)} bars/s, ${Math.round((writtenBytes() - beforeMany) / bars)} bytes written a bar\n`,
);
const n = 1_000_000;
const column = (f) => Float64Array.from({ length: n }, (_, i) => f(i));
const candles = {
  length: n,
  openMs: column((i) => T0 + i * 60_000),
  open: column((i) => 100 + Math.sin(i)),
  high: column((i) => 102 + Math.sin(i)),
  low: column((i) => 98 + Math.sin(i)),
  close: column((i) => 100.1 + Math.sin(i)),
  volume: column((i) => 10 + Math.cos(i)),
};
const eth = { ...stream, symbol: 'ETH/USDT' };
const first = await timed(() => store.addCandles(eth, candles, T0));
const again = await timed(() => store.addCandles(eth, candles, T0));
const restored = await timed(() => store.restore());
const read = await timed(() => store.candles(eth));
process.stdout.write(
  `imported candles: ${Math.round(n / first)} rows/s new, ${Math.round(n / again)} rows/s known already; ` +
    `read back ${Math.round(n / read)} rows/s; restore ${Math.round(restored * 1000)} ms\n`,
);
const rssMb = Math.round(process.memoryUsage().rss / 1e6);
await store.close();
const reopened = await timed(async () => (await openStore({ path: file })).close());
process.stdout.write(
  `database ${Math.round(statSync(file).size / 1e6)} MB, opened and closed again in ${Math.round(reopened * 1000)} ms, RSS ${rssMb} MB\n`,
);
rmSync(directory, { recursive: true, force: true });
