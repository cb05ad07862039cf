import { describe, expect, it } from 'vitest';
import { firstMissingMs, isAligned, missingBars, tradesOn } from '../../src/core/calendar.js';
import { timeframeMs } from '../../src/core/timeframe.js';

const HOUR = timeframeMs('1h');
const DAY = timeframeMs('1d');
const utc = (text: string) => Date.parse(`${text}Z`);

describe('missingBars', () => {
  it('counts every slot of a market that never closes', () => {
    expect(missingBars(0, HOUR, HOUR, '24x7')).toBe(0);
    expect(missingBars(0, 5 * HOUR, HOUR, '24x7')).toBe(4);
    expect(missingBars(utc('2024-01-05'), utc('2024-01-08'), DAY, '24x7')).toBe(2);
  });

  it('passes over Saturday and Sunday, but not over a holiday', () => {
    expect(missingBars(utc('2024-01-05'), utc('2024-01-08'), DAY, 'weekdays')).toBe(0);
    expect(missingBars(utc('2024-01-12'), utc('2024-01-16'), DAY, 'weekdays')).toBe(1);
    // The four days after 2001-09-10 on which the New York exchange stayed closed.
    expect(missingBars(utc('2001-09-10'), utc('2001-09-17'), DAY, 'weekdays')).toBe(4);
    expect(missingBars(utc('2024-01-05T20:00'), utc('2024-01-08T03:00'), HOUR, 'weekdays')).toBe(6);
  });

  it('equals a count slot by slot', () => {
    const frames = ['1m', '7m', '1h', '7h', '1d'].map(timeframeMs);
    for (const frame of frames) {
      for (let bars = 1; bars < 300; bars += 7) {
        const from = utc('2024-02-28T22:00') + bars * HOUR;
        const to = from + bars * frame;
        let slots = 0;
        for (let t = from + frame; t < to; t += frame) if (tradesOn(t, 'weekdays')) slots++;
        expect(missingBars(from, to, frame, 'weekdays')).toBe(slots);
        if (slots === 0) continue;
        // From the first missing bar on, the bar before it counted as there, as many are missing as before.
        const first = firstMissingMs(to, slots, frame, 'weekdays');
        expect(tradesOn(first, 'weekdays')).toBe(true);
        expect(missingBars(first - frame, to, frame, 'weekdays')).toBe(slots);
      }
    }
  });

  it('is none for a bar at or before the other, and for less than a bar', () => {
    expect(missingBars(HOUR, 0, HOUR, '24x7')).toBe(0);
    expect(missingBars(HOUR, HOUR, HOUR, 'weekdays')).toBe(0);
    expect(missingBars(0, HOUR * 0.5, HOUR, 'weekdays')).toBe(0);
  });

  it('counts a weekly gap by weeks', () => {
    expect(missingBars(utc('2024-01-01'), utc('2024-01-22'), timeframeMs('1w'), 'weekdays')).toBe(2);
  });
});

describe('isAligned', () => {
  it.each([
    ['2024-01-05T04:00', '4h', true],
    ['2024-01-05T05:00', '4h', false],
    ['2024-01-05T00:00:00.001', '1m', false],
    ['2024-01-01', '1w', true],
    ['2024-01-04', '1w', true],
    ['2024-01-04T01:00', '1w', false],
    ['2024-01-05T05:00', '7h', true],
  ])('%s on %s: %s', (time, frame, aligned) => {
    expect(isAligned(utc(time), timeframeMs(frame))).toBe(aligned);
  });

  it('wants whole milliseconds', () => {
    expect(isAligned(0.5, 1)).toBe(false);
  });
});
