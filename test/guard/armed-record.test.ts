// @module-tag processes

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ArmedRecord, createArmedRecordFile, decodeArmedRecord } from '../../src/guard/armed-record.js';
import { type Compiled, compile } from '../support/compiled.js';

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'redbutton-record-'));
  path = join(dir, 'guard', 'armed');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const ARMED: ArmedRecord = { armed: true, epoch: 12, atMs: 1_700_000_000_000, cause: 'armed at the button' };

describe('the armed record', () => {
  it('is read back as written, and private to the guard', async () => {
    const file = createArmedRecordFile(path);
    expect(await file.read()).toEqual({ kind: 'missing' });
    await file.write(ARMED);
    expect(await file.read()).toEqual({ kind: 'record', record: ARMED });
    await file.write({ ...ARMED, armed: false });
    expect(await file.read()).toMatchObject({ record: { armed: false } });
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('is never taken for armed when cut short anywhere', async () => {
    await createArmedRecordFile(path).write(ARMED);
    const text = readFileSync(path, 'utf8');
    for (let length = 0; length < text.length; length++) {
      expect(decodeArmedRecord(text.slice(0, length)), `cut to ${length}`).toMatchObject({
        kind: 'unreadable',
      });
    }
  });

  it('is never taken for armed with any one bit flipped', async () => {
    await createArmedRecordFile(path).write(ARMED);
    const bytes = readFileSync(path);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const reading = decodeArmedRecord(flipped.toString('utf8'));
      expect(reading.kind, `bit ${bit}`).toBe('unreadable');
    }
  });

  it('refuses a sound checksum over what is not a record', async () => {
    for (const text of ['', '{}\n', 'null', '\u0000'.repeat(200)]) {
      expect(decodeArmedRecord(text)).toMatchObject({ kind: 'unreadable' });
    }
  });

  it('tells a directory in its place as unreadable', async () => {
    expect(await createArmedRecordFile(dir).read()).toMatchObject({ kind: 'unreadable' });
  });

  it('remembers a halt by writing over the record, or by its absence, when the disk takes no new file', async () => {
    await createArmedRecordFile(path).write(ARMED);
    const failing = createArmedRecordFile(path, async () => {
      throw new Error('ENOSPC: no space left on device');
    });
    await expect(failing.write(ARMED)).rejects.toMatchObject({ code: 'E_ARMED_RECORD' });
    expect(await failing.read()).toMatchObject({ kind: 'record' });
    await failing.write({ ...ARMED, armed: false });
    expect(await failing.read()).toMatchObject({ record: { armed: false } });
    // Nothing to write over: what is missing is halted, too.
    unlinkSync(path);
    await failing.write({ ...ARMED, armed: false });
    expect(await failing.read()).toEqual({ kind: 'missing' });
  });

  it('says whether a halt could be recorded without touching what is recorded', async () => {
    const file = createArmedRecordFile(path);
    await expect(file.probe()).rejects.toThrow('ENOENT');
    await file.write(ARMED);
    const before = readFileSync(path);
    await file.probe();
    await file.probe();
    expect(readFileSync(path)).toEqual(before);
    expect(statSync(`${path}.probe`).size).toBe(4096);
    rmSync(dirname(path), { recursive: true });
    await expect(file.probe()).rejects.toThrow('ENOENT');
  });

  it('leaves what was there when the write beside it was torn', async () => {
    const file = createArmedRecordFile(path);
    await file.write({ ...ARMED, armed: false });
    writeFileSync(join(dirname(path), '.armed.0123456789ab.tmp'), '{"format":"redbutton-ar');
    expect(await file.read()).toMatchObject({ kind: 'record', record: { armed: false } });
    await file.write(ARMED);
    expect(await file.read()).toMatchObject({ kind: 'record', record: { armed: true } });
  });
});

describe('a writer that is killed', () => {
  let compiled: Compiled;
  beforeAll(() => {
    compiled = compile(['test/guard/children/record-writer.ts']);
  }, 60_000);
  afterAll(() => compiled.remove());

  it('leaves the last acknowledged record or the one after it, 20 times', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    let random = seed;
    const next = () => {
      random = (Math.imul(random, 1103515245) + 12345) & 0x7fffffff;
      return random / 0x7fffffff;
    };
    let epoch = 1;
    let armedSeen = 0;
    for (let round = 0; round < 20; round++) {
      const child = spawn(process.execPath, [
        compiled.file('test/guard/children/record-writer.ts'),
        path,
        String(epoch),
      ]);
      let said = '';
      child.stdout.on('data', (chunk) => {
        said += String(chunk);
      });
      await once(child.stdout, 'data');
      await delay(next() * 30);
      child.kill('SIGKILL');
      await once(child, 'close');
      const acknowledged = Number(said.trim().split('\n').at(-1));
      const reading = await createArmedRecordFile(path).read();
      const place = `seed ${seed}, round ${round}, acknowledged ${acknowledged}`;
      expect(reading.kind, place).toBe('record');
      if (reading.kind !== 'record') return;
      expect([acknowledged, acknowledged + 1], place).toContain(reading.record.epoch);
      expect(reading.record.armed, place).toBe(reading.record.epoch % 2 === 1);
      if (reading.record.armed) armedSeen += 1;
      epoch = reading.record.epoch + 1;
    }
    console.log(`killed 20 writers: 0 torn records, ${armedSeen} ended armed, ${epoch - 1} changes in all`);
  }, 60_000);
});
