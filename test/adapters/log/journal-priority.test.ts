// @module-tag processes

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fstatSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callControl } from '../../../src/adapters/control-socket/control-client.js';
import { pathsOf } from '../../../src/config/paths.js';
import { createArmedRecordFile } from '../../../src/guard/armed-record.js';
import { type Compiled, compile } from '../../support/compiled.js';

const CHILD = 'test/adapters/log/children/talker.ts';
const MAIN = 'src/main.ts';
let compiled: Compiled;
let dir: string;
beforeAll(() => {
  compiled = compile([CHILD, MAIN]);
  dir = mkdtempSync(path.join(tmpdir(), 'rb-'));
}, 240_000);
afterAll(() => {
  compiled.remove();
  rmSync(dir, { recursive: true });
});

/** Runs a program with both outputs in one file, which `JOURNAL_STREAM` names or does not; its lines. */
async function linesOf(args: readonly string[], stream: 'names it' | 'names another' | 'is not set') {
  const file = path.join(dir, 'out');
  rmSync(file, { force: true });
  const fd = openSync(file, 'a');
  const { dev, ino } = fstatSync(fd);
  const { JOURNAL_STREAM: _, ...env } = process.env;
  const set = { 'names it': `${dev}:${ino}`, 'names another': `${dev}:${ino + 1}`, 'is not set': undefined };
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', fd, fd],
    env: { ...env, ...(set[stream] !== undefined && { JOURNAL_STREAM: set[stream] }) },
  });
  await once(child, 'exit');
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}

describe('what services print', () => {
  it('bears its priority where it goes to the journal', async () => {
    const lines = await linesOf([compiled.file(CHILD)], 'names it');
    expect(lines.map((line) => line.slice(0, 4))).toEqual(['<7>{', '<6>{', '<4>{', '<3>{', '<2>{']);
    for (const line of lines) expect(() => JSON.parse(line.slice(3))).not.toThrow();
  });

  it.each(['names another', 'is not set'] as const)('bears none where JOURNAL_STREAM %s', async (stream) => {
    const lines = await linesOf([compiled.file(CHILD)], stream);
    expect(lines.map((line) => line[0])).toEqual(['{', '{', '{', '{', '{']);
  });

  it.each([
    ['guard', '--config'],
    ['run', '--config'],
  ])('is an error in every line where %s cannot read its configuration', async (...command) => {
    const args = [compiled.file(MAIN), ...command, path.join(dir, 'none.toml')];
    const lines = await linesOf(args, 'names it');
    expect(lines.length).toBeGreaterThan(1);
    expect(lines[0]).toMatch(/^<3>redbutton: cannot read /);
    for (const line of lines) expect(line).toMatch(/^<3>/);
    expect((await linesOf(args, 'is not set'))[0]).toMatch(/^redbutton: cannot read /);
  });

  it('tells the guard’s halts as warnings, and what is ordinary as information', async () => {
    const box = mkdtempSync(path.join(dir, 'box-'));
    const paths = pathsOf({ name: 'box', stateDir: path.join(box, 'state'), runDir: box });
    await createArmedRecordFile(paths.armedRecord).write({ armed: true, epoch: 1, atMs: 0, cause: 'test' });
    const file = path.join(box, 'out');
    const fd = openSync(file, 'a');
    const { dev, ino } = fstatSync(fd);
    const guard = spawn(
      process.execPath,
      [
        compiled.file(MAIN),
        ...['guard', '--run-dir', box, '--state-dir', path.join(box, 'state'), '--gpio', 'simulated'],
      ],
      { stdio: ['ignore', fd, fd], env: { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` } },
    );
    try {
      while (!readFileSync(file, 'utf8').includes('"ready"')) await delay(20);
      await callControl(paths.guardSocket, 'the guard', 'POST', '/halt', undefined);
    } finally {
      guard.kill('SIGTERM');
      await once(guard, 'exit');
    }
    const lines = readFileSync(file, 'utf8').split('\n');
    expect(lines.find((line) => line.includes('"ready"'))).toMatch(/^<6>\{/);
    expect(lines.find((line) => line.includes('"halted"'))).toMatch(/^<4>\{/);
  });
});
