import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';
import { RedbuttonError } from '../../src/core/errors.js';

const MINIMAL = '[[exchange]]\nsymbols = ["BTC/USDT"]\n';

function mistakesOf(source: string): RedbuttonError {
  try {
    parseConfig(source, 'box.toml');
  } catch (error) {
    if (error instanceof RedbuttonError) return error;
    throw error;
  }
  throw new Error('the configuration was taken');
}

describe('configuration', () => {
  it('fills in every default from a minimal file', () => {
    const config = parseConfig(MINIMAL, 'box.toml');
    expect(config.mode).toBe('paper');
    expect(config.signals).toMatchObject({
      confidenceThreshold: 0.3,
      minSignalIntervalBars: 1,
      minHoldingBars: 0,
    });
    // What closes positions or keeps them shut is off by default.
    for (const key of ['convictionBars', 'maxHoldingBars', 'allowRegimes'] as const)
      expect(config.signals[key]).toBeUndefined();
    expect(config.risk).toEqual({
      kellyFraction: 0.25,
      maxPositionFraction: 0.1,
      drawdownHaltFraction: 0.15,
      averageWin: 0.02,
      averageLoss: 0.015,
      grossFractionMax: 1,
      correlationMax: 0.8,
      correlationBars: 120,
      dailyLossFraction: 0.05,
      cooldownLosses: 0,
      cooldownBars: 24,
      protectiveStopPct: 0,
    });
    expect(config.execution.paperSlippageBps).toBe(5);
    expect(config.execution.triesMax).toBe(3);
    expect(config.execution.backoffMs).toEqual([1000, 2000, 4000]);
    expect(config.monitoring.aucWindow).toBe(30);
    expect(config.monitoring.psiRetrain).toBe(0.25);
  });

  it('is frozen to the leaves', () => {
    const config = parseConfig(MINIMAL, 'box.toml');
    expect(Object.isFrozen(config.risk)).toBe(true);
    expect(Object.isFrozen(config.execution.backoffMs)).toBe(true);
  });

  it('reports all mistakes at once, with path and expectation', () => {
    const error = mistakesOf(
      `${MINIMAL}\n[risk]\nkellyFraction = 2\nkelly = 1\n[signals]\nconfidenceThreshold = "high"\n[mqtt]\nurl = "mqtt://me:hush@broker"\n`,
    );
    expect(error.code).toBe('E_CONFIG');
    expect(error.exitCode).toBe(2);
    expect(error.message).toContain('box.toml has 4 mistakes');
    expect(error.message).toContain('risk.kellyFraction: ');
    expect(error.message).toContain('risk.kelly: no such key');
    expect(error.message).toMatch(/signals\.confidenceThreshold: expected number, received string/);
    expect(error.message).toContain('mqtt.url: expected mqtt://host:port');
    expect(error.message).not.toContain('hush');
  });

  it('names line and column of broken TOML', () => {
    expect(mistakesOf('mode = \n').message).toMatch(/^box\.toml:1:\d+ is not TOML/);
  });

  it('refuses live mode without a guard process, and an exchange named twice', () => {
    const error = mistakesOf(`mode = "live"\n${MINIMAL}${MINIMAL}[guard]\nmode = "in-process"\n`);
    expect(error.message).toContain('guard.mode: expected "process"');
    expect(error.message).toContain('exchange[1].id: "binance" stands twice');
  });

  it('refuses live mode on a test network and an exchange at once', () => {
    const other = MINIMAL.replace('[[exchange]]', '[[exchange]]\nid = "kraken"\nsandbox = true');
    expect(mistakesOf(`mode = "live"\n${MINIMAL}${other}`).message).toContain(
      'exchange: expected the same sandbox',
    );
    expect(parseConfig(`${MINIMAL}${other}`, 'box.toml').exchange).toHaveLength(2);
  });

  it('refuses a timeframe nobody knows', () => {
    expect(mistakesOf(`timeframe = "1x"\n${MINIMAL}`).code).toBe('E_TIMEFRAME');
  });
});
