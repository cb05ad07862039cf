import { describe, expect, it } from 'vitest';
import { Button } from '../../src/guard/button.js';
import { ResetButton } from '../../src/guard/reset-button.js';

const nc = () => new Button({ contact: 'nc', releaseDebounceMs: 50, holdMs: 50 });

/** Feeds levels 10 ms apart and collects what came of each. */
function feed(button: ReturnType<typeof nc>, levels: readonly (0 | 1)[], fromMs = 0) {
  return levels.map((level, i) => button.sample(level, fromMs + i * 10));
}

describe('the button', () => {
  it('trips at the first open sample', () => {
    const button = nc();
    feed(button, [0, 0, 0, 0, 0, 0]);
    expect(button.sample(1, 60)).toEqual(['pressed']);
  });

  it('is released only after 50 ms of unbroken contact', () => {
    expect(feed(nc(), [0, 0, 0, 0, 0, 0, 0])).toEqual([[], [], [], [], [], ['released'], []]);
  });

  it('begins the release again at each bounce', () => {
    const events = feed(nc(), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]).flat();
    expect(events).toEqual(['pressed', 'released']);
    expect(feed(nc(), [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]).flat()).toEqual(['pressed']);
  });

  it('tells a hold once, after 50 ms of unbroken press', () => {
    expect(feed(nc(), [1, 1, 1, 1, 1, 1, 1, 1])).toEqual([['pressed'], [], [], [], [], ['held'], [], []]);
    expect(feed(nc(), [1, 1, 1, 0, 1, 1, 1, 0]).flat()).toEqual(['pressed']);
  });

  it('reads found-open at the first look as a press', () => {
    expect(nc().sample(1, 0)).toEqual(['pressed']);
  });

  it('trips at a press before the contact was ever told released, however soon after the start', () => {
    const button = nc();
    feed(button, [0, 0]);
    expect(button.sample(1, 20)).toEqual(['pressed']);
    button.reset();
    button.sample(0, 30);
    expect(button.edge(1, 31)).toEqual(['pressed']);
  });

  it('counts an edge between two closed looks as a press', () => {
    const button = nc();
    feed(button, [0, 0, 0, 0, 0, 0]);
    expect(button.edge(0, 61)).toEqual(['pressed']);
    expect(feed(button, [0, 0, 0, 0, 0, 0], 61).flat()).toEqual(['released']);
  });

  it('trips once, at the first, of 200 edges in 100 ms', () => {
    const button = nc();
    feed(button, [0, 0, 0, 0, 0, 0]);
    const events = Array.from({ length: 200 }, (_, i) => button.edge(i % 2 === 0 ? 1 : 0, 60 + i / 2));
    expect(events[0]).toEqual(['pressed']);
    expect(events.flat()).toEqual(['pressed']);
  });

  it('reads the levels the other way round for a normally open contact', () => {
    const button = new Button({ contact: 'no', releaseDebounceMs: 50, holdMs: 50 });
    expect(feed(button, [1, 1, 1, 1, 1, 1]).flat()).toEqual(['released']);
    expect(button.sample(0, 60)).toEqual(['pressed']);
  });

  it('knows nothing after a reset until it has looked', () => {
    const button = nc();
    feed(button, [0, 0, 0, 0, 0, 0]);
    button.reset();
    expect(button.sample(0, 100)).toEqual([]);
    expect(button.sample(0, 150)).toEqual(['released']);
  });
});

describe('the reset button', () => {
  it('counts when held for its time after being seen released', () => {
    const reset = new ResetButton(3000);
    expect(reset.sample(1, 0)).toBe(false);
    expect(reset.sample(0, 10)).toBe(false);
    expect(reset.sample(0, 3009)).toBe(false);
    expect(reset.sample(0, 3010)).toBe(true);
    expect(reset.sample(0, 6020)).toBe(false);
  });

  it('arms nothing when it is stuck', () => {
    const reset = new ResetButton(3000);
    expect([0, 1000, 3000, 9000].map((atMs) => reset.sample(0, atMs))).toEqual([false, false, false, false]);
  });

  it('begins again when let go', () => {
    const reset = new ResetButton(3000);
    reset.sample(1, 0);
    reset.sample(0, 10);
    reset.sample(1, 2000);
    reset.sample(0, 2010);
    expect(reset.sample(0, 3500)).toBe(false);
    expect(reset.sample(0, 5010)).toBe(true);
  });
});
