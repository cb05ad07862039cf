import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openValueFile } from '../../../src/adapters/gpio/value-file.js';

let dir: string;
let file: string;
const show = (text: string) => writeFileSync(file, text, { flag: 'r+' });
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'rb-'));
  file = join(dir, 'value');
  writeFileSync(file, '0\n');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

async function until(isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error('waited in vain');
    await delay(2);
  }
}

describe('a line that sysfs shows in a file', () => {
  it('is read again each time, and what is neither 0 nor 1 is no level', () => {
    const line = openValueFile(file);
    expect(line.read()).toBe(0);
    show('1');
    expect(line.read()).toBe(1);
    show('x');
    expect(() => line.read()).toThrow(expect.objectContaining({ code: 'E_GPIO_READ' }));
    writeFileSync(file, '');
    expect(() => line.read()).toThrow(expect.objectContaining({ code: 'E_GPIO_READ' }));
    line.close();
  });

  it('is looked at by a thread, which tells the first level and every other one, and ends with a failure', async () => {
    const line = openValueFile(file);
    const told: unknown[] = [];
    line.lookEvery(10, (error, level) =>
      told.push(error === null ? level : (error as { code?: string }).code),
    );
    await until(() => told.length === 1);
    for (const level of [1, 0, 1]) {
      show(String(level));
      await until(() => told.at(-1) === level);
    }
    expect(told).toEqual([0, 1, 0, 1]);
    await delay(100);
    expect(told).toHaveLength(4);
    show('?');
    await until(() => told.length === 5);
    expect(told[4]).toBe('E_GPIO_READ');
    show('0');
    await delay(50);
    expect(told).toHaveLength(5);
    line.close();
  });

  it('tells nothing once it is closed', async () => {
    const line = openValueFile(file);
    const told: number[] = [];
    line.lookEvery(1, (_error, level) => told.push(level));
    await until(() => told.length === 1);
    line.close();
    show('1');
    await delay(30);
    expect(told).toEqual([0]);
    expect(() => line.read()).toThrow(expect.objectContaining({ code: 'E_GPIO_READ' }));
  });

  it('that is not there says so', () => {
    expect(() => openValueFile(join(dir, 'none'))).toThrow(/open: No such file/);
  });
});
