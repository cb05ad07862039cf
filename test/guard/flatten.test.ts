import { describe, expect, it } from 'vitest';
import { isFlattening } from '../../src/guard/flattening.js';
import { type GuardEvent, type GuardState, step } from '../../src/guard/halt-state.js';
import { startState } from '../../src/guard/start-state.js';

const RULES = { resumeWindowMs: 120_000, flatten: true };
const ACTIVE: GuardState = { ...startState({ armed: true }, 7), trading: 'ACTIVE', contact: 'released' };

/** What a history of events, each at its time in seconds, leaves of an active box that closes positions at a halt. */
function run(...history: readonly (readonly [number, GuardEvent])[]) {
  let state = ACTIVE;
  let last: readonly string[] = [];
  for (const [atS, event] of history) {
    const next = step(state, event, { wallMs: atS * 1000, monotonicMs: atS * 1000 }, RULES);
    state = next.state;
    last = next.effects.map((effect) => (effect.do === 'notice' ? effect.kind : effect.do));
  }
  const atMs = history.at(-1)![0] * 1000;
  return { flattening: isFlattening(state, atMs), last, state };
}

const command: GuardEvent = { type: 'halt', cause: 'command', detail: 'by the phone' };
const pressed: GuardEvent = { type: 'pressed' };
const released: GuardEvent = { type: 'released' };
const held: GuardEvent = { type: 'held' };
const ENDED = { flattening: false, last: ['revoke', 'cancel', 'flatten_ended'] };

describe('positions that a halt is closing', () => {
  it('are closed for as long as it takes, but for no longer than a person would wait', () => {
    expect(run([0, command], [599, { type: 'tick' }]).flattening).toBe(true);
    expect(run([0, command], [600, { type: 'tick' }])).toMatchObject({ flattening: false, last: ['revoke'] });
  });

  it('stay as they are after a second press, a command or a cut wire', () => {
    expect(run([0, pressed], [1, held], [2, released], [3, pressed])).toMatchObject(ENDED);
    expect(run([0, pressed], [1, held], [2, command], [5, command])).toMatchObject(ENDED);
    expect(run([0, command], [0.5, pressed])).toMatchObject(ENDED);
    expect(run([0, command], [5, command])).toMatchObject(ENDED);
    expect(run([0, command], [5, { type: 'line_lost', detail: 'gone' }])).toMatchObject(ENDED);
  });

  it('and holding that press closes nothing more', () => {
    expect(run([0, pressed], [1, held], [2, released], [3, pressed], [4, held])).toMatchObject({
      flattening: false,
      last: [],
    });
  });

  it('go on being closed where a phone’s message is delivered again, however much later', () => {
    const again: GuardEvent = { type: 'halt', cause: 'command', detail: 'by the phone', again: true };
    expect(run([0, command], [60, again]).flattening).toBe(true);
    expect(run([0, again], [5, command])).toMatchObject(ENDED);
  });

  it('go on being closed where a phone’s message came twice, or the trader asked for the halt too', () => {
    expect(run([0, command], [1.5, command]).flattening).toBe(true);
    expect(run([0, command], [5, { type: 'halt', cause: 'trader', detail: 'drawdown' }]).flattening).toBe(
      true,
    );
  });

  it('stay as they are when the trader is gone', () => {
    expect(run([0, command], [5, { type: 'trader_lost' }])).toMatchObject({
      flattening: false,
      last: ['revoke', 'cancel', 'trader_lost'],
    });
  });
});
