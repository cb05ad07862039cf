import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createLineNote } from '../../../src/adapters/gpio/line-note.js';
import { OnoffGpio } from '../../../src/adapters/gpio/onoff.js';
import { exportLine, findLine, listChips, SYSFS_GPIO } from '../../../src/adapters/gpio/sysfs-lines.js';
import type { RedbuttonError } from '../../../src/core/errors.js';

/**
 * The looking-up and exporting of lines, over a tree of plain files in the shape of /sys/class/gpio. No kernel stands
 * behind it: levels and edges through sysfs are shown in the virtual machine only.
 */
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'redbutton-sysfs-'));
  writeFileSync(join(root, 'export'), '');
  writeFileSync(join(root, 'unexport'), '');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function addChip(base: number, label: string, count: number) {
  const dir = join(root, `gpiochip${base}`);
  mkdirSync(dir);
  writeFileSync(join(dir, 'label'), `${label}\n`);
  writeFileSync(join(dir, 'base'), `${base}\n`);
  writeFileSync(join(dir, 'ngpio'), `${count}\n`);
}
const FILES = ['value', 'direction', 'edge', 'active_low'];
/** What the kernel and udev do at an export. */
function appear(number: number) {
  mkdirSync(join(root, `gpio${number}`));
  for (const file of FILES) writeFileSync(join(root, `gpio${number}`, file), '0\n');
}
const LABELS = ['pinctrl-bcm2835', 'pinctrl-bcm2711', 'pinctrl-rp1'];
const clock = createSystemClock();
const noNote = { leftBehind: () => false, add() {}, remove() {} };

describe('finding a line by its chip’s label', () => {
  it('adds the base, which differs by kernel and board', () => {
    addChip(512, 'pinctrl-bcm2711', 54);
    addChip(566, 'raspberrypi-exp-gpio', 8);
    expect(findLine(root, LABELS, 5)).toBe(517);
    rmSync(join(root, 'gpiochip512'), { recursive: true });
    addChip(571, 'pinctrl-rp1', 54);
    expect(findLine(root, LABELS, 17)).toBe(588);
    expect(listChips(root)).toHaveLength(2);
  });

  it('names what is there when no chip, or more than one, bears the label', () => {
    expect(() => findLine(root, LABELS, 5)).toThrow(/no GPIO chip .* there are: none/);
    addChip(0, 'gpio-mockup-A', 32);
    expect(() => findLine(root, LABELS, 5)).toThrow(/there are: gpio-mockup-A \(base 0\)/);
    addChip(512, 'pinctrl-rp1', 54);
    addChip(600, 'pinctrl-rp1', 54);
    expect(() => findLine(root, LABELS, 5)).toThrow(/more than one GPIO chip/);
  });

  it('refuses a line beyond the chip, and a machine without GPIO', () => {
    addChip(512, 'pinctrl-bcm2711', 54);
    expect(() => findLine(root, LABELS, 54)).toThrow(/lines 0 to 53/);
    expect(() => findLine(join(root, 'absent'), LABELS, 5)).toThrow(/shows no GPIO/);
  });
});

describe('exporting a line', () => {
  it('waits until udev has made the files', async () => {
    const exporting = exportLine(root, 517, FILES, noNote, clock);
    setTimeout(() => appear(517), 50);
    await exporting;
    expect(readFileSync(join(root, 'export'), 'utf8')).toBe('517');
  });

  it('says so when they never become ours', async () => {
    let nowMs = 0;
    const fast = {
      monotonicMs: () => nowMs,
      sleep: async (ms: number) => {
        nowMs += ms;
      },
    };
    await expect(exportLine(root, 517, FILES, noNote, fast)).rejects.toMatchObject({ code: 'E_GPIO_DENIED' });
  });

  it('refuses a line that somebody else has exported', async () => {
    appear(517);
    await expect(exportLine(root, 517, FILES, noNote, clock)).rejects.toMatchObject({ code: 'E_GPIO_BUSY' });
    expect(readFileSync(join(root, 'unexport'), 'utf8')).toBe('');
  });

  it('takes over a line that a dead guard left behind, and no other', async () => {
    const path = join(root, 'note');
    writeFileSync(path, JSON.stringify({ pid: 2 ** 22 + 1, startTicks: '1', lines: [517] }));
    appear(517);
    appear(518);
    const note = createLineNote(path);
    expect(note.leftBehind(518)).toBe(false);
    await exportLine(root, 517, FILES, note, clock);
    expect(readFileSync(join(root, 'unexport'), 'utf8')).toBe('517');
    expect(note.leftBehind(517)).toBe(false);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ pid: process.pid, lines: [517] });
    note.remove(517);
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({ lines: [] });
  });

  it('does not take a line from a guard that lives, nor believe a damaged note', () => {
    const path = join(root, 'note');
    createLineNote(path).add(517);
    expect(createLineNote(path).leftBehind(517)).toBe(false);
    writeFileSync(path, '{"pid":');
    expect(createLineNote(path).leftBehind(517)).toBe(false);
  });

  it('tells an export that fails, with its place', async () => {
    rmSync(join(root, 'export'));
    mkdirSync(join(root, 'export'));
    await expect(exportLine(root, 517, FILES, noNote, clock)).rejects.toMatchObject({
      code: 'E_GPIO_LINE',
      message: expect.stringContaining(join(root, 'export')),
    });
  });
});

describe('onoff', () => {
  it('is loaded with its add-on, and says what is missing on a machine without sysfs GPIO', async () => {
    if (existsSync(SYSFS_GPIO)) {
      console.log(`skipped: this machine has ${SYSFS_GPIO}`);
      return;
    }
    const gpio = new OnoffGpio({ chipLabels: LABELS, note: noNote, clock, store: null });
    const refusal = await gpio.input(5).then(
      () => undefined,
      (error: unknown) => error as RedbuttonError,
    );
    // onoff's add-on is compiled for the one Node version that installed it; another one must say just that.
    if (refusal?.code === 'E_GPIO_ADDON') {
      expect(refusal.message).toMatch(/compiled against a different Node\.js version/);
      console.log(`not loaded: ${refusal.message}`);
    } else expect(refusal?.code).toBe('E_GPIO_SYSFS');
  });
});
