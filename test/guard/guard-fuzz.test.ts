import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ARMED,
  attachTrader,
  type Bench,
  type BenchTrader,
  BUTTON,
  RESET,
  startBench,
} from './guard-bench.js';

/**
 * Random histories of hands, wires, disk and trader. What must hold after each step is told by a plain model that knows
 * nothing of the guard's own states: when the contact last opened, and what hands have done since.
 */
type Action =
  | { readonly kind: 'press' | 'release' | 'glitch' | 'resume' | 'halt' | 'reset_press' | 'reset_release' }
  | {
      readonly kind:
        | 'line_dies'
        | 'line_returns'
        | 'disk_fails'
        | 'disk_mends'
        | 'trader_silent'
        | 'trader_back';
    }
  | { readonly kind: 'wait' | 'stall'; readonly ms: number };

const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<Action>({ kind: 'press' }, { kind: 'release' }, { kind: 'resume' }),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom<Action>(
      { kind: 'glitch' },
      { kind: 'halt' },
      { kind: 'reset_press' },
      { kind: 'reset_release' },
      { kind: 'line_dies' },
      { kind: 'line_returns' },
      { kind: 'disk_fails' },
      { kind: 'disk_mends' },
      { kind: 'trader_silent' },
      { kind: 'trader_back' },
    ),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      ms: fc.constantFrom(5, 30, 60, 200, 1100, 3100),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('stall' as const), ms: fc.constantFrom(40, 700, 5000) }),
  },
);

const kinds = (...steps: readonly (Action['kind'] | number)[]): Action[] =>
  steps.map((step) => (typeof step === 'number' ? { kind: 'wait', ms: step } : { kind: step }) as Action);

const TWO_PRESSES = ['press', 60, 'release', 60, 2050, 'press', 60, 'release', 60] as const;

/** Steps as they come, and among them whole acts of arming, which chance alone would seldom bring about. */
const history = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: action.map((one) => [one]) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          kinds('line_returns', 'disk_mends', 'release', 1100, 60, 'resume', ...TWO_PRESSES, 60),
          kinds('release', 60, 'resume', ...TWO_PRESSES, 30),
          kinds('release', 60, 'resume', 'press', 60, 'release', 60),
          kinds('release', 60, 'reset_release', 'resume', 30, 'reset_press', 3100, 'reset_release'),
        ),
      },
    ),
    { minLength: 5, maxLength: 30 },
  )
  .map((parts) => parts.flat());

function act(bench: Bench, trader: BenchTrader, step: Action): Promise<void> | void {
  switch (step.kind) {
    case 'press':
      return bench.press();
    case 'release':
      return bench.release();
    case 'glitch':
      bench.press();
      return bench.release();
    case 'resume':
      bench.guard.resume('anna');
      return;
    case 'halt':
      void bench.guard.halt('command', 'halt command');
      return;
    case 'reset_press':
      return bench.gpio.setLevel(RESET, 0);
    case 'reset_release':
      return bench.gpio.setLevel(RESET, 1);
    case 'line_dies':
      return bench.gpio.failReads(BUTTON, 'i/o error');
    case 'line_returns':
      return bench.gpio.failReads(BUTTON, null);
    case 'disk_fails':
      bench.record.failing = 'disk full';
      return;
    case 'disk_mends':
      bench.record.failing = null;
      return;
    case 'trader_silent':
      trader.silent = true;
      return;
    case 'trader_back':
      trader.silent = false;
      return;
    case 'wait':
      return bench.time.advance(step.ms);
    case 'stall':
      return bench.time.stall(step.ms);
  }
}

describe('any history', () => {
  it('keeps the button’s promises', async () => {
    let [runs, armings, halts] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.boolean(), history, async (armedAtStart, threaded, steps) => {
        const bench = await startBench({
          reset: true,
          ...(armedAtStart && { record: ARMED }),
          ...(threaded && { thread: 'alive' }),
        });
        const trader = await attachTrader(bench);
        try {
          let mayBeArmed = armedAtStart;
          let lineDead = false;
          let presses = 0;
          for (const step of steps) {
            const wasHalted = bench.guard.status().state === 'HALTED';
            const armedBefore = bench.notices.filter(({ kind }) => kind === 'rearmed').length;
            const opened = step.kind === 'press' || step.kind === 'glitch' || step.kind === 'halt';
            const levelBefore = bench.gpio.level(BUTTON);
            if (step.kind === 'resume') presses = 0;
            else if (step.kind === 'glitch' || (step.kind === 'press' && levelBefore === 0)) presses += 1;
            await act(bench, trader, step);
            const status = bench.guard.status();
            const permit = bench.permit.read();
            const rearmed = bench.notices.filter(({ kind }) => kind === 'rearmed').length > armedBefore;

            // A permit stands for an armed box whose contact is closed and whose record on disk says armed.
            if (permit.ok) {
              expect(status.state).not.toBe('HALTED');
              expect(bench.gpio.level(BUTTON)).toBe(0);
              expect(bench.record.content).toMatchObject({ record: { armed: true } });
              expect(permit.state).toBe(status.state);
            }
            // Opening the contact, or a command, halts in the very call, without any timer.
            const changed = step.kind === 'press' ? levelBefore === 0 : opened;
            if (changed && !lineDead) expect(permit).toMatchObject({ ok: false, reason: 'revoked' });
            // A halted box is armed by time and hands only, never by a command, a trader or a repaired line alone.
            if (wasHalted && status.state !== 'HALTED') {
              expect(rearmed).toBe(true);
              expect(['wait', 'stall']).toContain(step.kind);
              // Two presses since the window was asked for, or the reset button.
              expect(presses >= 2 || steps.some(({ kind }) => kind === 'reset_press')).toBe(true);
              mayBeArmed = true;
              armings += 1;
            }
            if (!wasHalted && status.state === 'HALTED') halts += 1;
            if (status.state !== 'HALTED') expect(mayBeArmed).toBe(true);
            // What is told as recorded is on disk: never armed there.
            if (status.halt?.recorded && !status.arming && bench.record.content.kind === 'record') {
              expect(bench.record.content.record.armed).toBe(false);
            }
            if (step.kind === 'line_dies') lineDead = true;
            if (step.kind === 'line_returns') lineDead = false;
          }
          runs += 1;
        } finally {
          bench.record.failing = null;
          await bench.dispose();
        }
      }),
      { numRuns: 150 },
    );
    console.log(`${runs} histories: ${halts} halts, ${armings} armings by hand`);
    expect(armings).toBeGreaterThan(10);
  }, 120_000);
});
