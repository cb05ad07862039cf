import { describe, expect, it } from 'vitest';
import { LED_PATTERNS, ledMoment } from '../../src/guard/led.js';
import { LedDriver } from '../../src/guard/led-driver.js';

describe('the LED patterns', () => {
  it('show no steady level for longer than 2 s, and differ from each other', () => {
    const shapes = LED_PATTERNS.map(({ stepsMs }) => stepsMs.join());
    expect(new Set(shapes).size).toBe(LED_PATTERNS.length);
    for (const { stepsMs } of LED_PATTERNS) {
      expect(stepsMs.length % 2).toBe(0);
      expect(stepsMs.length).toBeGreaterThan(0);
      expect(Math.max(...stepsMs)).toBeLessThan(2000);
    }
  });

  it('follow their steps and repeat', () => {
    const armed = [0, 99, 100, 1999, 2000, 2099, 2100].map((ms) => ledMoment('armed', ms).level);
    expect(armed).toEqual([1, 1, 0, 0, 1, 1, 0]);
    const unconfirmed = [0, 100, 200, 300, 400, 500, 600, 700, 1499, 1500].map(
      (ms) => ledMoment('halted_unconfirmed', ms).level,
    );
    expect([0, 99, 100, 1900].map((ms) => ledMoment('armed', ms).leftMs)).toEqual([100, 1, 1900, 100]);
    expect(unconfirmed).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 0, 1]);
  });
});

describe('the LED driver', () => {
  it('starts a new pattern lit, writes only changes, and leaves the LED dark', () => {
    const written: number[] = [];
    let closed = false;
    const driver = new LedDriver(
      { write: (level) => written.push(level), close: () => (closed = true) },
      null,
    );
    for (let ms = 0; ms < 1000; ms += 10) driver.show('armed', ms);
    expect(written).toEqual([1, 0]);
    driver.show('halted_unconfirmed', 1000);
    expect(written).toEqual([1, 0, 1]);
    driver.close();
    expect(written.at(-1)).toBe(0);
    expect(closed).toBe(true);
  });

  it('tells a line that fails, and continues when it is back', () => {
    let broken = true;
    const line = {
      write() {
        if (broken) throw new Error('gone');
      },
      close() {},
    };
    const driver = new LedDriver(line, null);
    driver.show('starting', 0);
    expect(driver.fault).toBe('gone');
    broken = false;
    driver.show('starting', 1000);
    expect(driver.fault).toBeNull();
  });
});
