import { describe, expect, it } from 'vitest';
import { TraderWatch } from '../../src/guard/trader-watch.js';

/** A watch on a clock that is moved by hand, a second a look. */
function given() {
  const told: string[] = [];
  let nowMs = 5_000;
  let present = false;
  let look = () => {};
  const watch = new TraderWatch({
    clock: { monotonicMs: () => nowMs },
    scheduler: {
      every(_periodMs, task) {
        look = task;
        return () => {};
      },
    },
    present: () => present,
    notify: (kind, detail) => void told.push(`${kind}: ${detail}`),
  });
  watch.start();
  return {
    watch,
    told,
    pass(seconds: number, isThere: boolean) {
      present = isThere;
      for (let i = 0; i < seconds; i++) {
        nowMs += 1_000;
        look();
      }
    },
  };
}

describe('a trader that is away', () => {
  it('is reported after 30 s, once, and again when it is back', () => {
    const { told, pass } = given();
    pass(60, true);
    pass(29, false);
    expect(told).toEqual([]);
    pass(600, false);
    expect(told).toEqual(['trader_gone: 30 s']);
    pass(5, true);
    expect(told).toEqual(['trader_gone: 30 s', 'trader_back: back after 630 s']);
    pass(31, false);
    expect(told).toHaveLength(3);
  });

  it('is not reported over a restart', () => {
    const { told, pass } = given();
    for (let i = 0; i < 10; i++) {
      pass(20, true);
      pass(15, false);
    }
    expect(told).toEqual([]);
  });

  it('is reported where it never came, with how often it ended and in whose words', () => {
    const { told, pass, watch } = given();
    for (let i = 0; i < 4; i++) {
      pass(6, false);
      watch.ended('/var/lib/m/manifest.json does not exist (name a model)');
      watch.ended('systemd: exit-code, exited 2');
    }
    pass(10, false);
    expect(told).toEqual([
      'trader_gone: 30 s; it ended 5 times: /var/lib/m/manifest.json does not exist (name a model)',
    ]);
  });

  it('is reported with the service manager’s word where it left none', () => {
    const { told, pass, watch } = given();
    pass(5, true);
    watch.ended('systemd: signal, killed KILL');
    pass(30, false);
    expect(told).toEqual(['trader_gone: 30 s; it ended once: systemd: signal, killed KILL']);
  });
});
