import { describe, expect, it } from 'vitest';
import { refusalOf, upgradesIn } from '../../../src/box/os-update/window.js';

const night = { fromHour: 3, toHour: 5, positions: {} };

describe('the window of an update', () => {
  it('opens at its first hour, closes at its last, and may span midnight', () => {
    const open = (fromHour: number, toHour: number) =>
      Array.from({ length: 24 }, (_, hour) => hour).filter(
        (hour) => refusalOf({ hour, fromHour, toHour, positions: {} }) === null,
      );
    expect(open(3, 5)).toEqual([3, 4]);
    expect(open(23, 2)).toEqual([0, 1, 23]);
    expect(open(0, 0)).toHaveLength(24);
    expect(refusalOf({ ...night, hour: 5 })?.reason).toBe('outside_window');
  });

  it('stays shut while anything is held, or might be', () => {
    const refusal = (positions: Record<string, number | null> | null) =>
      refusalOf({ ...night, hour: 3, positions })?.reason ?? null;
    expect(refusal({ 'BTC/USDT': 0, 'ETH/USDT': 0 })).toBeNull();
    expect(refusal({ 'BTC/USDT': 0, 'ETH/USDT': 0.1 })).toBe('positions_open');
    expect(refusal({ 'BTC/USDT': -1 })).toBe('positions_open');
    expect(refusal({ 'BTC/USDT': null })).toBe('positions_open');
    expect(refusal(null)).toBe('trader_silent');
    // Whatever the hour asked for: --now is no leave to walk away from a position.
    expect(refusalOf({ hour: 12, fromHour: 0, toHour: 0, positions: { X: 1 } })?.reason).toBe(
      'positions_open',
    );
  });

  it("reads apt's own plan", () => {
    const plan = `Reading package lists...
Inst libssl3t64 [3.5.1-1] (3.5.1-1+deb13u2 Debian-Security:13/stable-security [arm64])
Inst linux-image-7.4.0+deb13-arm64 (7.4.0-1 Debian Backports:stable-backports [arm64])
Conf libssl3t64 (3.5.1-1+deb13u2 Debian-Security:13/stable-security [arm64])
`;
    expect(upgradesIn(plan)).toEqual(['libssl3t64 3.5.1-1+deb13u2', 'linux-image-7.4.0+deb13-arm64 7.4.0-1']);
    expect(upgradesIn('0 upgraded, 0 newly installed\n')).toEqual([]);
  });
});
