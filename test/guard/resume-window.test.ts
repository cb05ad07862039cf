import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GuardEvent, type GuardState, step } from '../../src/guard/halt-state.js';
import { startState } from '../../src/guard/start-state.js';

const RULES = { resumeWindowMs: 120_000, flatten: false };
const halted = startState(
  { armed: false, cause: 'recorded', detail: 'halted before this start', atMs: 0, durable: true },
  7,
);

/** A halted box whose button was seen released, and the steps of a history: each an event at its time in seconds. */
function run(history: readonly (readonly [number, GuardEvent['type']])[], flatten = false) {
  let state: GuardState = { ...halted, contact: 'released' };
  const effects: string[] = [];
  for (const [atS, type] of history) {
    const event = (
      type === 'resume' ? { type, by: 'anna' } : { type, detail: '', cause: 'command' }
    ) as GuardEvent;
    const now = { wallMs: atS * 1000, monotonicMs: Math.round(atS * 1000) };
    const next = step(state, event, now, { ...RULES, flatten });
    state = next.state;
    for (const effect of next.effects) effects.push(effect.do === 'notice' ? effect.kind : effect.do);
  }
  return { state, effects };
}
const FIRST = [
  [0, 'resume'],
  [1, 'pressed'],
  [2, 'released'],
] as const;
const HALTS_AGAIN = ['revoke', 'cancel', 'record_halted', 'halted', 'resume_closed'];

describe('the act of arming, event by event', () => {
  it.each([
    ['one press, and no more', [], 'open', ['first_press']],
    [
      'a second press 2 s after the first release',
      [
        [4, 'pressed'],
        [4.5, 'released'],
      ],
      'armed',
      ['first_press', 'record_armed'],
    ],
    [
      'a second press and release just within 10 s',
      [
        [11, 'pressed'],
        [12, 'released'],
      ],
      'armed',
      ['first_press', 'record_armed'],
    ],
    ['a second press a moment too soon', [[3.999, 'pressed']], 'halted', ['first_press', ...HALTS_AGAIN]],
    [
      'a second press too soon, let go later',
      [
        [3, 'pressed'],
        [5, 'released'],
      ],
      'halted',
      ['first_press', ...HALTS_AGAIN],
    ],
    [
      'a second press in time, let go too late',
      [
        [11, 'pressed'],
        [12.001, 'released'],
      ],
      'open',
      ['first_press', 'first_press_void'],
    ],
    [
      'a second press too late, which is a first one',
      [
        [12.001, 'pressed'],
        [13, 'released'],
      ],
      'open',
      ['first_press', 'first_press_void', 'first_press'],
    ],
    [
      '10 s that run out, told by the clock alone',
      [
        [12.001, 'tick'],
        [13, 'tick'],
      ],
      'open',
      ['first_press', 'first_press_void'],
    ],
    [
      'a second press that is never let go',
      [
        [5, 'pressed'],
        [13, 'tick'],
        [14, 'released'],
      ],
      'open',
      ['first_press', 'first_press_void'],
    ],
    [
      'two presses after 10 s that ran out',
      [
        [13, 'pressed'],
        [14, 'released'],
        [16, 'pressed'],
        [17, 'released'],
      ],
      'armed',
      ['first_press', 'first_press_void', 'first_press', 'record_armed'],
    ],
    [
      'a press with no release before it',
      [
        [4, 'pressed'],
        [4.1, 'pressed'],
      ],
      'halted',
      ['first_press', ...HALTS_AGAIN],
    ],
    [
      'a third press while the arming is recorded',
      [
        [4, 'pressed'],
        [5, 'released'],
        [5.1, 'pressed'],
      ],
      'halted',
      ['first_press', 'record_armed', 'revoke', 'cancel', 'record_halted', 'halted'],
    ],
    [
      'a window asked for again in the middle',
      [
        [3, 'resume'],
        [4, 'pressed'],
        [5, 'released'],
      ],
      'open',
      ['first_press', 'resume_opened', 'first_press'],
    ],
    [
      'a halt command in the middle',
      [
        [3, 'halt'],
        [4, 'pressed'],
        [5, 'released'],
      ],
      'halted',
      ['first_press', 'resume_closed'],
    ],
    [
      'a fault of the line in the middle',
      [
        [3, 'line_lost'],
        [3.1, 'line_restored'],
        [4, 'pressed'],
        [5, 'released'],
      ],
      'halted',
      ['first_press', 'resume_closed'],
    ],
    [
      'a contact found open after a fault',
      [
        [3, 'line_restored'],
        [4, 'pressed'],
        [5, 'released'],
      ],
      'halted',
      ['first_press', ...HALTS_AGAIN],
    ],
    ['the reset button', [[3, 'reset_held']], 'armed', ['first_press', 'record_armed']],
    [
      'the reset button while the red one is down',
      [
        [4, 'pressed'],
        [5, 'reset_held'],
      ],
      'open',
      ['first_press'],
    ],
    [
      'the end of the window before the release',
      [
        [119, 'tick'],
        [119.5, 'pressed'],
        [120.2, 'released'],
      ],
      'halted',
      ['first_press', 'first_press_void', 'resume_expired'],
    ],
  ] as const)('%s', (_name, more, ends, effects) => {
    const { state, effects: told } = run([...FIRST, ...more]);
    const now = state.arming ? 'armed' : state.window === null ? 'halted' : 'open';
    expect([now, told]).toEqual([ends, ['resume_opened', ...effects]]);
    expect(state.trading).toBe('HALTED');
  });

  it('keeps the halt as it was over a press that counts', () => {
    const before = run([[0, 'resume']]).state;
    const after = run(FIRST).state;
    expect(after).toEqual({ ...before, contact: 'released', window: after.window });
  });

  it('closes no position by a press too soon, and ends what a halt was closing', () => {
    const pressed = run([...FIRST, [3, 'pressed'], [3.1, 'held']], true);
    expect(pressed.effects.filter((effect) => effect === 'cancel')).toHaveLength(1);
    expect(pressed.state.halt).toMatchObject({ flatten: false, flattenUntilMs: null });
    const closing: GuardState = { ...run(FIRST).state };
    const under = { ...closing, halt: { ...closing.halt!, flatten: true, flattenUntilMs: 9_000 } };
    const next = step(
      under,
      { type: 'pressed' },
      { wallMs: 3000, monotonicMs: 3000 },
      { ...RULES, flatten: true },
    );
    expect(next.state.halt).toMatchObject({ flatten: false, flattenUntilMs: null, epoch: 8 });
    expect(next.effects.slice(0, 2)).toEqual([{ do: 'revoke' }, { do: 'cancel' }]);
  });
});

/** Every event there is, with what it may bring along. */
const event: fc.Arbitrary<GuardEvent> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom<GuardEvent>({ type: 'pressed' }, { type: 'released' }) },
  { weight: 2, arbitrary: fc.constant<GuardEvent>({ type: 'resume', by: 'anna' }) },
  fc.constantFrom<GuardEvent>(
    { type: 'held' },
    { type: 'tick' },
    { type: 'reset_held' },
    { type: 'line_lost', detail: 'i/o error' },
    { type: 'line_restored' },
    { type: 'halt', cause: 'command', detail: 'halt command' },
    { type: 'halt', cause: 'trader', detail: 'drawdown' },
    { type: 'probed', fault: 'disk full' },
    { type: 'probed', fault: null },
    { type: 'trader_arrived' },
    { type: 'trader_lost' },
  ),
  fc.nat(12).map((epoch): GuardEvent => ({ type: 'arm_recorded', epoch })),
  fc.nat(12).map((epoch): GuardEvent => ({ type: 'halt_recorded', epoch })),
  fc.nat(12).map((epoch): GuardEvent => ({ type: 'reconciled', epoch })),
  fc.nat(12).map((epoch): GuardEvent => ({ type: 'arm_record_failed', epoch, detail: 'disk full' })),
);
const gapMs = fc.oneof(fc.constantFrom(0, 50, 1_999, 2_000, 2_500, 9_999, 10_000, 10_001), fc.nat(130_000));
const act = fc
  .tuple(fc.constantFrom(1_999, 2_000, 5_000, 9_000, 10_001), fc.nat(1_500))
  .map(([waitMs, heldMs]): [number, GuardEvent][] => [
    [50, { type: 'resume', by: 'anna' }],
    [50, { type: 'pressed' }],
    [heldMs, { type: 'released' }],
    [waitMs, { type: 'pressed' }],
    [heldMs, { type: 'released' }],
  ]);
const histories = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: fc.tuple(gapMs, event).map((one) => [one]) },
      { weight: 1, arbitrary: act },
    ),
    {
      minLength: 4,
      maxLength: 40,
    },
  )
  .map((parts) => parts.flat());

/** What the hands have done, told without a word of the guard's own states. */
interface Hands {
  openedMs: number | null;
  line: boolean;
  down: boolean;
  /** Since the window opened: moves of the button, as they were seen. */
  readonly moves: { readonly pressed: boolean; readonly atMs: number }[];
}

/** Whether the last four moves are the act of arming, and no other press stands between it and the window. */
function isAct({ openedMs, line, moves }: Hands, atMs: number): boolean {
  if (openedMs === null || !line || atMs >= openedMs + RULES.resumeWindowMs) return false;
  const [first, firstUp, second, secondUp] = moves.slice(-4);
  if (!first?.pressed || !firstUp || firstUp.pressed || !second?.pressed || !secondUp || secondUp.pressed)
    return false;
  return second.atMs - firstUp.atMs >= 2_000 && secondUp.atMs - firstUp.atMs <= 10_000;
}

describe('any sequence of events', () => {
  it('arms a halted box by the two acts in an open window alone, on a line that works', () => {
    let armings = 0;
    fc.assert(
      fc.property(histories, fc.boolean(), (history, flatten) => {
        let state: GuardState = halted;
        let atMs = 0;
        const hands: Hands = { openedMs: null, line: true, down: false, moves: [] };
        for (const [gap, what] of history) {
          atMs += gap;
          const before = state;
          const next = step(state, what, { wallMs: atMs, monotonicMs: atMs }, { ...RULES, flatten });
          state = next.state;
          if (what.type === 'resume' && next.refused === undefined) {
            hands.openedMs = atMs;
            hands.moves.length = 0;
          } else if (what.type === 'halt' || what.type === 'line_lost') hands.openedMs = null;
          if (what.type === 'line_lost') hands.line = false;
          if (what.type === 'line_restored') hands.line = true;
          if (what.type === 'pressed' || what.type === 'released') {
            const pressed = what.type === 'pressed';
            // A release of what is released already is no move of a hand.
            if (pressed || hands.down) hands.moves.push({ pressed, atMs });
            hands.down = pressed;
          }
          // Nobody has armed it: it stays halted.
          if (before.trading === 'HALTED' && !before.arming) expect(state.trading).toBe('HALTED');
          if (state.arming && !before.arming) {
            armings += 1;
            const byReset = what.type === 'reset_held' && hands.openedMs !== null && hands.line;
            const inTime = hands.openedMs !== null && atMs < hands.openedMs + RULES.resumeWindowMs;
            expect((byReset && inTime) || (what.type === 'released' && isAct(hands, atMs))).toBe(true);
            hands.openedMs = null;
          }
          // A press is never lost: the box is halted after it, whatever it was before.
          if (what.type === 'pressed') expect([state.trading, state.arming]).toEqual(['HALTED', false]);
          if (state.window !== null)
            expect([state.trading, state.arming, state.lineFault]).toEqual(['HALTED', false, null]);
        }
      }),
      { numRuns: 3_000 },
    );
    console.log(`3000 sequences: ${armings} armings`);
    expect(armings).toBeGreaterThan(100);
  });
});
