import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { otherSlot, runningSlot, slotOf, withSlot } from '../../../src/box/os-update/slots.js';

const shipped = readFileSync(new URL('../../../image/boot/config.txt', import.meta.url), 'utf8');

describe('the two systems', () => {
  it('are told apart by one letter of the shipped config.txt, in place', () => {
    expect(slotOf(shipped)).toBe('a');
    const other = withSlot(shipped, 'b');
    expect(slotOf(other)).toBe('b');
    expect(withSlot(other, 'a')).toBe(shipped);
    const differing = [...shipped].filter((character, i) => character !== other[i]);
    expect(differing).toEqual(['a']);
    // It must be written in one go: one sector, the same length, no line end the firmware would trip over.
    expect(other.length).toBe(shipped.length);
    expect(Buffer.byteLength(shipped)).toBeLessThanOrEqual(512);
    expect(shipped).not.toContain('\r');
    expect(otherSlot(otherSlot('a'))).toBe('a');
  });

  it('are never guessed', () => {
    for (const text of ['', 'os_prefix=c/\n', '#os_prefix=a/\n', 'os_prefix=a/\nos_prefix=b/\n']) {
      expect(() => slotOf(text), text).toThrow(/no single line os_prefix/);
    }
  });

  it('are known by the root that the kernel was given', () => {
    expect(runningSlot('console=tty1 root=PARTUUID=5242444e-02 ro')).toEqual({
      slot: 'a',
      diskId: '5242444e',
    });
    expect(runningSlot('root=PARTUUID=5242444e-04')?.slot).toBe('b');
    for (const line of [
      'root=/dev/mmcblk0p2',
      'root=PARTUUID=5242444e-03',
      'xroot=PARTUUID=5242444e-02',
      '',
    ]) {
      expect(runningSlot(line), line).toBeUndefined();
    }
  });
});
