import { createSimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { pulledWalk, SETTINGS, startLife, TRAINED } from './lived-store.js';
import { HOUR_MS, KEY } from './tiny-stream.js';

/**
 * A paper trader that decides bar after bar, with a journal, until it is killed. It begins at bar `first`, or after the newest
 * that its store knows; what closed before, and what is missing between its last candles, comes as the exchange would tell it.
 * Told on stdout: `bar N` once bar N is decided and acted on, and `fill ID` of each fill as it is stored.
 * Run as `node lived-writer.js DATABASE JOURNAL MODEL FIRST LIFE`.
 */
const [database, journal, modelDir, first, life] = process.argv.slice(2);
const CHECKPOINT_BARS = 60;

const candles = pulledWalk(20_000, 11, () => -0.5);
const start = candles[TRAINED + Number(first)]!;
const clock = createSimulatedClock();
clock.setWallMs(start.openMs + 1000);
const { store, pipeline } = await startLife({
  store: { path: database!, journal: journal!, owner: { box: 'kitchen', account: 'paper' } },
  modelDir: modelDir!,
  clock,
  life: Number(life),
  onOrderOutcome({ fills }) {
    for (const { fillId } of fills) process.stdout.write(`fill ${fillId}\n`);
  },
  settings: {
    ...SETTINGS,
    signals: {
      ...SETTINGS.signals,
      confidenceThreshold: 0.02,
      // Each life decides by settings of its own.
      minSignalIntervalBars: 1 + (Number(life) % 3),
      minHoldingBars: Number(life) % 2,
      maxHoldingBars: 4,
    },
  },
});

const recent = await store.lastCandles(KEY, pipeline.warmUpBars);
const [oldestMs, newestMs] = [recent.at(0)?.openMs ?? start.openMs, recent.at(-1)?.openMs ?? 0];
await pipeline.fillGap(
  KEY,
  candles.filter(({ openMs }) => openMs > oldestMs && openMs < newestMs),
);
for (const candle of candles)
  if (candle.openMs > newestMs && candle.openMs >= candles[TRAINED]!.openMs && candle.openMs < start.openMs)
    await pipeline.onHistory(KEY, candle);

process.stdout.write('up\n');
for (const [i, candle] of candles.slice(TRAINED).entries()) {
  if (candle.openMs < start.openMs || candle.openMs <= newestMs) continue;
  clock.setWallMs(candle.openMs + HOUR_MS + 250);
  const outcome = await pipeline.onCandle(KEY, candle);
  if (outcome.kind !== 'decided') throw new Error(`bar ${i} was ${outcome.kind}`);
  process.stdout.write(`bar ${i}\n`);
  if (i % CHECKPOINT_BARS === CHECKPOINT_BARS - 1) await store.checkpoint();
}
