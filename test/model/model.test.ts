// @module-tag processes

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const here = path.dirname(fileURLToPath(import.meta.url));
const work = mkdtempSync(path.join(tmpdir(), 'redbutton-model-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

type Model = 'wire' | 'memory';

interface Search {
  readonly errors: number;
  readonly states: number;
  readonly depth: number;
  readonly seconds: number;
  /** What was found wrong, in the checker's words; null where nothing was. */
  readonly found: string | null;
  /** The model's own words for steps that no run came to. */
  readonly neverReached: readonly string[];
  /** Every state within the bounds was visited. */
  readonly complete: boolean;
}

/** Every search is exhaustive: states are kept whole, and none is left out at a limit. `quick`: compiled without optimization, for short searches. */
async function search(model: Model, flags: readonly string[], quick = false): Promise<Search> {
  const dir = mkdtempSync(path.join(work, `${model}-`));
  const live = flags.includes('LIVENESS');
  await run('spin', ['-a', ...flags.map((flag) => `-D${flag}`), path.join(here, `${model}.pml`)], {
    cwd: dir,
  });
  const kind = live ? ['-DNFAIR=3'] : ['-DSAFETY'];
  await run('gcc', [quick ? '-O0' : '-O2', '-w', ...kind, '-DMEMLIM=1800', '-o', 'pan', 'pan.c'], {
    cwd: dir,
  });
  // -E: every run ends where its bounds are used up, and that is no fault.
  const options = ['-E', '-m1000000', ...(live ? ['-a', '-f'] : [])];
  const { stdout } = await run(path.join(dir, 'pan'), options, { cwd: dir, maxBuffer: 1 << 24 });
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? Number.NaN);
  return {
    errors: number(/errors: (\d+)/),
    states: number(/(\d+) states, stored/),
    depth: number(/depth reached (\d+)/),
    seconds: number(/elapsed time ([\d.]+) seconds/) || 0,
    found: /^pan:1: (.*?)(?: \(at depth|$)/m.exec(stdout)?.[1] ?? null,
    neverReached: [...stdout.matchAll(/state \d+, "printf\('(.*)\\n'/g)].map(([, words]) => words!),
    complete: !/Search not completed|max search depth too small/.test(stdout),
  };
}

const print = (words: string) => process.stdout.write(`[model] ${words}\n`);

const PROPERTIES: readonly { title: string; model: Model; flags: readonly string[] }[] = [
  {
    title: 'no create leaves later than the bound after a press, by the gate in the kernel alone',
    model: 'wire',
    flags: ['GATE=1', 'GATE_ALONE=1', 'GAP=1', 'FAULTS=2'],
  },
  {
    title: 'no create leaves later than the bound after a press, with the gate and all else',
    model: 'wire',
    flags: ['GATE=1', 'GAP=1', 'FAULTS=1'],
  },
  {
    title: 'no create leaves later than the bound after a press, on a kernel without the gate',
    model: 'wire',
    flags: ['GATE=0', 'FAULTS=2'],
  },
  {
    title: 'no create leaves later than the bound after a press, stopped between check and writing',
    model: 'wire',
    flags: ['GATE=0', 'GAP=1', 'FAULTS=1'],
  },
  {
    title: 'a halt called confirmed survives, and only a person at a box that shows it arms',
    model: 'memory',
    flags: ['FAULTS=3', 'PRESSES=3'],
  },
  {
    title: 'a halt called confirmed survives, and only a person arms, with a press more',
    model: 'memory',
    flags: ['FAULTS=2', 'PRESSES=4'],
  },
  {
    title: 'a press always ends in halted, also between two lives of the guard',
    model: 'memory',
    flags: ['LIVENESS', 'FAULTS=2', 'PRESSES=3'],
  },
];

/** Faults of the halt, each put back alone, and the least bounds within which it shows. */
const FAULTS: readonly { fault: string; model: Model; flags: readonly string[] }[] = [
  { fault: 'PERMIT_ASKED_BEFORE_CONNECTING', model: 'wire', flags: ['GATE=0', 'FAULTS=0'] },
  { fault: 'EPOCH_NOT_COMPARED', model: 'wire', flags: ['GATE=0', 'FAULTS=0'] },
  { fault: 'NO_RESET_AT_THE_HALT', model: 'wire', flags: ['GATE=0', 'FAULTS=0'] },
  { fault: 'CLOSED_SOCKETS_LINGER', model: 'wire', flags: ['GATE=0', 'FAULTS=1'] },
  { fault: 'NO_USER_TIMEOUT', model: 'wire', flags: ['GATE=0', 'FAULTS=2'] },
  { fault: 'STOPPED_TRADER_LIVES_ON', model: 'wire', flags: ['GATE=0', 'GAP=1', 'FAULTS=1'] },
  { fault: 'STOP_GOES_ON_RENEWING', model: 'wire', flags: ['GATE=0', 'FAULTS=1'] },
  { fault: 'STOP_REVOKES_LAST', model: 'wire', flags: ['GATE=0', 'FAULTS=1'] },
  { fault: 'OLD_EPOCHS_PASS_THE_GATE', model: 'wire', flags: ['GATE=1', 'GATE_ALONE=1', 'FAULTS=0'] },
  { fault: 'GATE_GIVES_A_WHOLE_LIFE', model: 'wire', flags: ['GATE=1', 'GATE_ALONE=1', 'FAULTS=2'] },
  { fault: 'PERMIT_NOT_READ', model: 'memory', flags: ['FAULTS=2'] },
  { fault: 'CLEAN_STOP_OVERWRITES', model: 'memory', flags: ['FAULTS=2'] },
  { fault: 'CONFIRMED_BEFORE_RECORDED', model: 'memory', flags: ['FAULTS=1'] },
  { fault: 'START_CALLS_IT_RECORDED', model: 'memory', flags: ['FAULTS=2'] },
  { fault: 'SECOND_ALONE_ALWAYS_COUNTS', model: 'memory', flags: ['FAULTS=3'] },
  { fault: 'FAILED_ARMING_KEEPS_THE_EPOCH', model: 'memory', flags: ['FAULTS=2'] },
  { fault: 'GIVEN_UP_WRITE_LANDS_LATE', model: 'memory', flags: ['FAULTS=2'] },
  { fault: 'ANYONE_OPENS_UNSEEN', model: 'memory', flags: ['FAULTS=0'] },
  { fault: 'ONE_PRESS_ARMS', model: 'memory', flags: ['FAULTS=0'] },
  { fault: 'SECOND_PRESS_NEED_NOT_WAIT', model: 'memory', flags: ['FAULTS=0'] },
  { fault: 'EDGE_LOST_BETWEEN_TWO_LIVES', model: 'memory', flags: ['LIVENESS', 'FAULTS=1'] },
  { fault: 'PHONE_IS_IGNORED', model: 'memory', flags: ['LIVENESS', 'FAULTS=0'] },
];

describe('the halt, as a model', () => {
  it.each(PROPERTIES)('$title', { timeout: 300_000 }, async ({ title, model, flags }) => {
    const { errors, states, depth, seconds, found, neverReached, complete } = await search(model, flags);
    print(`${title}: ${states} states, depth ${depth}, ${seconds} s (${model}, ${flags.join(' ')})`);
    expect({ errors, found, complete }).toEqual({ errors: 0, found: null, complete: true });
    // A model in which nothing happens has no fault either.
    expect(neverReached).toEqual([]);
  });

  it('is found wrong by each fault that is put back', { timeout: 300_000 }, async () => {
    const missed: string[] = [];
    for (const { fault, model, flags } of FAULTS) {
      const { errors, states, found } = await search(model, [...flags, `${fault}=1`], true);
      if (errors === 0) missed.push(fault);
      else print(`${fault}: found after ${states} states: ${found}`);
    }
    print(`faults found ${FAULTS.length - missed.length} of ${FAULTS.length}`);
    expect(missed).toEqual([]);
  });

  it('tells of steps that no run comes to', async () => {
    expect((await search('memory', ['FAULTS=0'], true)).neverReached).toContain('power cut');
  });

  // Each says of something that must happen that it never does.
  it.each([
    {
      shown: 'an order is accepted after the box was armed again',
      model: 'wire' as const,
      flag: 'SHOW_ACCEPTED_AFTER_ARMING',
    },
    { shown: 'two presses arm the box', model: 'memory' as const, flag: 'SHOW_ARMED_BY_TWO_PRESSES' },
    {
      shown: 'a confirmed halt is found again after a power cut',
      model: 'memory' as const,
      flag: 'SHOW_FOUND_AGAIN',
    },
  ])('comes to where $shown', async ({ model, flag }) => {
    expect(await search(model, ['FAULTS=1', `${flag}=1`], true)).toMatchObject({ errors: 1 });
  });
});
