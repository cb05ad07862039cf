import { describe, expect, it } from 'vitest';
import type { Candle } from '../../../src/core/candle.js';
import { Ingestion, type IngestionOptions } from '../../../src/pipeline/ingestion/index.js';

const MINUTE = 60_000;
const START = 1_700_006_400_000;
const candle = (bar: number, change: Partial<Candle> = {}): Candle => ({
  openMs: START + bar * MINUTE,
  open: 10,
  high: 11,
  low: 9,
  close: 10,
  volume: 5,
  ...change,
});

function ingestion(options: Partial<IngestionOptions> = {}) {
  return new Ingestion({
    stream: { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1m' },
    rules: 'strict',
    calendar: '24x7',
    maxGapBars: 3,
    clock: { wallMs: () => START + 1000 * MINUTE },
    ...options,
  });
}

function reason(result: ReturnType<ReturnType<typeof ingestion>['accept']>): string {
  return result.kind === 'quarantined' ? result.row.reason : 'candle';
}

describe('ingestion', () => {
  it('lets good candles through and counts what is missing between them', () => {
    const layer = ingestion();
    expect(layer.accept(candle(0))).toEqual({
      kind: 'candle',
      candle: candle(0),
      missingBars: 0,
      longGap: false,
    });
    expect(layer.accept(candle(1))).toMatchObject({ missingBars: 0, longGap: false });
    expect(layer.accept(candle(5))).toMatchObject({ missingBars: 3, longGap: false });
    expect(layer.accept(candle(10))).toMatchObject({ missingBars: 4, longGap: true });
  });

  it('hands on the candle alone, not what else the source said', () => {
    const result = ingestion().accept({ ...candle(0), raw: 'row' });
    expect(result).toMatchObject({ kind: 'candle' });
    if (result.kind === 'candle') expect(Object.keys(result.candle)).not.toContain('raw');
  });

  it('refuses with the stream, the time, the reason, the raw row and when', () => {
    const layer = ingestion();
    const refused = layer.accept({ ...candle(0, { close: Number.NaN }), raw: '[1,"x"]' });
    expect(refused).toEqual({
      kind: 'quarantined',
      row: {
        stream: { exchange: 'binance', symbol: 'BTC/USDT', timeframe: '1m' },
        openMs: START,
        reason: 'non_finite',
        raw: '[1,"x"]',
        atMs: START + 1000 * MINUTE,
      },
    });
    const own = layer.accept(candle(0, { close: Number.NaN }));
    expect(own).toMatchObject({ row: { raw: `${START},10,11,9,NaN,5` } });
  });

  it('tells a repeated bar from a corrected one and from one out of order', () => {
    const layer = ingestion();
    layer.accept(candle(0));
    layer.accept(candle(2));
    expect(reason(layer.accept(candle(2)))).toBe('duplicate');
    expect(reason(layer.accept(candle(0)))).toBe('duplicate');
    expect(reason(layer.accept(candle(0, { volume: 6 })))).toBe('correction');
    expect(reason(layer.accept(candle(1)))).toBe('out_of_order');
    expect(reason(layer.accept(candle(3)))).toBe('candle');
  });

  it('refuses a bar that is not closed yet, but for a second of clock difference', () => {
    const closesMs = START + MINUTE;
    const early = (ms: number) => ingestion({ clock: { wallMs: () => closesMs - ms } }).accept(candle(0));
    expect(reason(early(1001))).toBe('future');
    expect(reason(early(1000))).toBe('candle');
  });

  it('continues where it stopped', () => {
    const layer = ingestion();
    layer.restore(START + 3 * MINUTE);
    expect(reason(layer.accept(candle(3, { close: 9.5 })))).toBe('duplicate');
    expect(reason(layer.accept(candle(2)))).toBe('out_of_order');
    expect(layer.accept(candle(5))).toMatchObject({ missingBars: 1 });

    const informed = ingestion({ absurdJumpFraction: 0.5 });
    informed.restore(START + 3 * MINUTE, [candle(2), candle(3)]);
    expect(reason(informed.accept(candle(3, { close: 9.5 })))).toBe('correction');
    expect(reason(informed.accept(candle(4, { high: 100, close: 100 })))).toBe('absurd_jump');
  });

  it('believes a jump that the next bar confirms', () => {
    const layer = ingestion({ absurdJumpFraction: 0.5 });
    const at = (bar: number, close: number) =>
      reason(layer.accept(candle(bar, { open: close, high: close, low: close, close })));
    expect([at(0, 10), at(1, 100), at(2, 10), at(3, 30), at(4, 31), at(5, 32)]).toEqual([
      'candle',
      'absurd_jump',
      'candle',
      'absurd_jump',
      'candle',
      'candle',
    ]);
  });

  it('tells the share of quarantined rows among the last 500', () => {
    const layer = ingestion({ clock: { wallMs: () => START + 10_000 * MINUTE } });
    expect(layer.quarantineShare()).toEqual({ rows: 0, quarantined: 0, share: 0 });
    for (let bar = 0; bar < 100; bar++) layer.accept(candle(bar, { volume: -1 }));
    for (let bar = 100; bar < 550; bar++) layer.accept(candle(bar));
    expect(layer.quarantineShare()).toEqual({ rows: 500, quarantined: 50, share: 0.1 });
  });

  it('counts a late row as refused only before the oldest bar it remembers, and else as one that fills a gap', () => {
    const layer = ingestion({ clock: { wallMs: () => START + 10_000 * MINUTE } });
    const late = (bar: number) => {
      const before = layer.quarantineShare();
      expect(reason(layer.accept(candle(bar)))).toBe('out_of_order');
      const { rows, quarantined } = layer.quarantineShare();
      return [rows - before.rows, quarantined - before.quarantined];
    };
    // As after a restore: what is remembered has a gap, which the exchange's history fills
    layer.restore(START + 20 * MINUTE, [candle(10), candle(11), candle(20)]);
    expect([late(15), late(12), late(9)]).toEqual([
      [0, 0],
      [0, 0],
      [1, 1],
    ]);
    // Each bar pushes the oldest out of its memory
    for (let bar = 21; bar < 820; bar += 2) layer.accept(candle(bar));
    expect([late(818), late(22)]).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  it('under article rules keeps what the seed keeps, even if odd', () => {
    const layer = ingestion({ rules: 'article' });
    expect(reason(layer.accept(candle(0, { close: 20 })))).toBe('candle');
    expect(reason(layer.accept(candle(1, { low: 12 })))).toBe('high_below_low');
    expect(reason(layer.accept({ ...candle(2), openMs: Number.NaN }))).toBe('non_finite');
  });
});
