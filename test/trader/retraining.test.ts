import { describe, expect, it } from 'vitest';
import type { HealthReport } from '../../src/pipeline/monitoring/index.js';
import { createSimulatedClock } from '../../src/research/backtest/simulated-clock.js';
import { createHealthPolicy } from '../../src/trader/health-policy.js';
import { createRetraining, type RetrainOutcome, type RetrainTrigger } from '../../src/trader/retraining.js';
import { HOUR_MS, KEY } from '../support/tiny-stream.js';

const KEPT: RetrainOutcome = { kind: 'kept', detail: 'too few' };

function made(
  options: { lastAttemptMs?: number | null; everyMs?: number | null; hold?: Promise<void> } = {},
) {
  const clock = createSimulatedClock();
  clock.setWallMs(1000 * HOUR_MS);
  const called: RetrainTrigger[] = [];
  const told: RetrainOutcome[] = [];
  const retraining = createRetraining({
    clock,
    intervalMsMin: 10 * HOUR_MS,
    everyMs: options.everyMs === undefined ? 100 * HOUR_MS : options.everyMs,
    lastAttemptMs: options.lastAttemptMs ?? null,
    async attempt(trigger, _, signal) {
      called.push(trigger);
      await options.hold;
      signal.throwIfAborted();
      return KEPT;
    },
    onOutcome: async (outcome) => {
      told.push(outcome);
    },
  });
  const later = (hours: number) => clock.setWallMs(clock.wallMs() + hours * HOUR_MS);
  return { retraining, called, told, later };
}

describe('retraining', () => {
  it('is called by health at once, and then not before the interval has passed', async () => {
    const { retraining, called, later } = made();
    expect(retraining.consider(false)).toBeNull();
    expect(retraining.consider(true)).toBe('health');
    await retraining.idle();
    later(9);
    expect(retraining.consider(true)).toBeNull();
    later(1);
    expect(retraining.consider(true)).toBe('health');
    await retraining.idle();
    expect(called).toEqual(['health', 'health']);
  });

  it('holds to the interval over a restart', () => {
    expect(made({ lastAttemptMs: 995 * HOUR_MS }).retraining.consider(true)).toBeNull();
    expect(made({ lastAttemptMs: 990 * HOUR_MS }).retraining.consider(true)).toBe('health');
  });

  it('is called by the schedule whatever the health says, and never without one', async () => {
    const { retraining, later } = made();
    later(99);
    expect(retraining.consider(false)).toBeNull();
    later(1);
    expect(retraining.consider(false)).toBe('schedule');
    await retraining.idle();
    const without = made({ everyMs: null });
    without.later(100_000);
    expect(without.retraining.consider(false)).toBeNull();
  });

  it('is done for a person at any time, one at a time', async () => {
    let release = () => {};
    const hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { retraining, called, told } = made({ lastAttemptMs: 1000 * HOUR_MS, hold });
    expect(retraining.ask()).toBe(true);
    expect(retraining.state().running).toBe('hand');
    expect(retraining.ask()).toBe(false);
    expect(retraining.consider(true)).toBeNull();
    release();
    await retraining.idle();
    expect(retraining.state()).toMatchObject({ running: null, last: KEPT });
    expect(told).toEqual([KEPT]);
    expect(called).toEqual(['hand']);
  });

  it('ends what is under way when the trader stops, and tells nothing of it', async () => {
    const { retraining, told } = made({ hold: Promise.resolve() });
    retraining.ask();
    await retraining.stop();
    expect(told).toEqual([]);
    expect(retraining.ask()).toBe(false);
  });
});

const ACTIONS = {
  unknown: [],
  warning: ['alert'],
  critical: ['alert', 'reduce', 'retrain'],
  drift: ['retrain', 'halt'],
} as const;

const report = (status: HealthReport['status'], drifted = false): HealthReport => ({
  status,
  drifted,
  rollingAuc: 0.4,
  aucInterval: null,
  brier: null,
  hitRate: null,
  resolvedPredictions: 100,
  needsRetrain: true,
  psi: {},
  alerts: ['rolling AUC 0.4000 is below 0.5'],
});

describe('what follows from the model’s health', () => {
  it('is what the table says, and reducing ends with its cause', () => {
    const halts: string[] = [];
    const policy = createHealthPolicy({ actions: ACTIONS, requestHalt: (detail) => halts.push(detail) });
    const states = policy.limit({ state: () => 'ACTIVE' });
    expect(policy.onHealth(KEY, report('WARNING'))).toEqual(['alert']);
    expect(states.state()).toBe('ACTIVE');
    expect(policy.onHealth(KEY, report('CRITICAL'))).toContain('retrain');
    expect(states.state()).toBe('REDUCING');
    policy.onHealth({ ...KEY, symbol: 'ETH/USDT' }, report('HEALTHY'));
    expect(states.state()).toBe('REDUCING');
    expect(policy.onHealth(KEY, report('UNKNOWN'))).toEqual([]);
    expect(states.state()).toBe('ACTIVE');
    expect(halts).toEqual([]);
  });

  it('halts at once and by the guard, once, and a person’s re-arming stands', () => {
    const halts: string[] = [];
    let guard: 'ACTIVE' | 'HALTED' = 'ACTIVE';
    const policy = createHealthPolicy({ actions: ACTIONS, requestHalt: (detail) => halts.push(detail) });
    const states = policy.limit({ state: () => guard });
    policy.onHealth(KEY, report('HEALTHY', true));
    expect(states.state()).toBe('HALTED');
    expect(halts.length).toBe(1);
    expect(halts[0]).toContain('below 0.5');
    policy.onHealth(KEY, report('HEALTHY', true));
    expect(halts.length).toBe(1);
    guard = 'HALTED';
    expect(states.state()).toBe('HALTED');
    guard = 'ACTIVE';
    policy.onHealth(KEY, report('HEALTHY', true));
    expect(states.state()).toBe('ACTIVE');
    policy.onHealth(KEY, report('HEALTHY'));
    policy.onHealth(KEY, report('HEALTHY', true));
    expect(halts.length).toBe(2);
  });

  it('never lifts what the guard or the box says', () => {
    const policy = createHealthPolicy({ actions: ACTIONS, requestHalt: () => undefined });
    policy.onHealth(KEY, report('CRITICAL'));
    expect(policy.limit({ state: () => 'HALTED' }).state()).toBe('HALTED');
    expect(policy.limit({ state: () => 'FLATTENING' }).state()).toBe('FLATTENING');
  });
});
