import { describe, expect, it } from 'vitest';
import type { RiskInputs } from '../../src/core/order.js';
import type { BarOutcome } from '../../src/pipeline/bar-outcome.js';
import type { Broker } from '../../src/ports/broker.js';
import { MemoryStore } from '../support/memory-store/memory-store.js';
import { paperWorld } from '../support/paper-world.js';
import { CONFIG, HOUR_MS, KEY, START_MS } from '../support/tiny-stream.js';

const ETH = { ...KEY, symbol: 'ETH/USDT' };
const config = {
  ...CONFIG,
  risk: { ...CONFIG.risk, grossFractionMax: 1, correlationMax: 0.8, correlationBars: 20 },
};

/** Two symbols, the second with the moves of the first or with its own. */
async function twoSymbols(together: boolean, wrap?: (broker: Broker) => Broker) {
  const store = new MemoryStore();
  const world = await paperWorld({ store, config, keys: [KEY, ETH], ...(wrap && { wrap }) });
  const inputs: { symbol: string; inputs: RiskInputs; order: boolean }[] = [];
  const take = (outcome: BarOutcome) => {
    if (outcome.kind !== 'decided' || outcome.record.risk === null) return;
    const { risk, stream } = outcome.record;
    inputs.push({ symbol: stream.symbol, inputs: risk.inputs, order: risk.kind === 'order' });
  };
  for (let i = 0; i < 160; i++) {
    const wave = (phase: number) => 100 * (1 + 0.05 * Math.sin(i / 3 + phase) + 0.0004 * i);
    const candle = (close: number) => ({
      openMs: START_MS + i * HOUR_MS,
      open: close,
      high: close,
      low: close,
      close: Number(close.toFixed(2)),
      volume: 1,
    });
    take(await world.bar(candle(wave(0)), KEY));
    take(await world.bar(candle(wave(together ? 0 : 2.5) / 7), ETH));
  }
  return { inputs, world };
}

const late = <T>(rows: readonly T[]) => rows.slice(Math.floor(rows.length / 2));

describe('what a risk decision looks at', () => {
  it('counts the other positions, and those that move together as the same bet', async () => {
    const { inputs } = await twoSymbols(true);
    const exposed = late(inputs).filter((row) => row.inputs.otherExposure > 0 && row.order);
    expect(exposed.length).toBeGreaterThan(0);
    const buys = late(inputs).filter((row) => row.inputs.correlatedExposure > 0);
    expect(buys.length).toBeGreaterThan(5);
    for (const { inputs: seen } of buys) expect(seen.correlatedExposure).toBe(seen.otherExposure);
  });

  it('takes symbols with moves of their own for other bets, once that is known', async () => {
    const { inputs } = await twoSymbols(false);
    const exposed = late(inputs).filter((row) => row.inputs.otherExposure > 0);
    expect(exposed.length).toBeGreaterThan(5);
    expect(exposed.every((row) => row.inputs.correlatedExposure === 0)).toBe(true);
  });

  it('counts an order of unknown outcome as filled', async () => {
    // When every order's answer is lost and nothing is found
    const { inputs } = await twoSymbols(true, (paper) => ({
      ...paper,
      kind: 'paper',
      create: async () => ({ kind: 'ambiguous', message: 'timed out' }),
      find: async () => {
        throw new Error('503');
      },
    }));
    expect(inputs.some((row) => row.inputs.otherExposure > 0)).toBe(true);
    expect(inputs.every((row) => row.inputs.positionUnits === 0)).toBe(true);
  });

  it('counts an order on its way in another stream, and the cash it will cost', async () => {
    // Given two streams whose bars close together, at an exchange that takes its time
    const store = new MemoryStore();
    const world = await paperWorld({
      store,
      config,
      keys: [KEY, ETH],
      wrap: (paper) => ({
        ...paper,
        async create(order, quote) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          return paper.create(order, quote);
        },
      }),
    });
    let together = 0;
    let close = 100;
    for (let i = 0; i < 60; i++) {
      close = Number((close * (1 + 0.02 * Math.sin(i / 3))).toFixed(2));
      const openMs = START_MS + i * HOUR_MS;
      const candle = { openMs, open: close, high: close, low: close, close, volume: 1 };
      const outcomes = await Promise.all([world.bar(candle, KEY), world.bar(candle, ETH)]);
      const [btc, eth] = outcomes.map((one) => (one.kind === 'decided' ? one.record.risk : null));
      if (btc?.kind !== 'order' || btc.side !== 'buy' || eth === null || eth === undefined) continue;
      together++;
      expect(eth.inputs.otherExposure).toBeGreaterThanOrEqual(btc.targetUnits * btc.inputs.quote.ask);
      expect(eth.inputs.cash).toBeLessThan(btc.inputs.cash - btc.units * btc.inputs.quote.ask);
    }
    expect(together).toBeGreaterThan(0);
  });

  it('stands in the store with the decision', async () => {
    const { inputs, world } = await twoSymbols(true);
    expect(inputs.every((row) => row.inputs.cash > 0 && row.inputs.dayStartEquity > 0)).toBe(true);
    expect(inputs.some((row) => row.inputs.losingTrades > 0 && row.inputs.barsSinceLoss !== null)).toBe(
      world.pipeline.portfolio.trades().some(({ profit }) => profit < 0),
    );
  });
});
