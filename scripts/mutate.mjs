#!/usr/bin/env node
// Deliberate faults prove that the checks bite: each mutation is applied to a copy of the sources and must be caught by
// the simulation or by the tests named with it. Prints a table; exit 1 if one survives or does not apply.
// Usage: npm run mutate -- [--only WORDS] [--seeds 600] [--bars 168]
//   --only WORDS   those with these words in their name
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MUTATIONS } from './mutations.mjs';
import { readOptions } from './usage.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { values } = readOptions(import.meta.url, {
  options: {
    only: { type: 'string', default: '' },
    seeds: { type: 'string', default: '600' },
    bars: { type: 'string', default: '168' },
  },
});

/** Runs the judge of a mutation over a tree; what it says for `caught`, null where all passed. */
function judge(by, tree) {
  const run = (args) => spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8', maxBuffer: 1e8 });
  if (by === 'sim') {
    const script = path.join(root, 'scripts/sim.mjs');
    const { status, stderr } = run([
      script,
      '--sources',
      tree,
      '--first-only',
      '--seeds',
      values.seeds,
      '--bars',
      values.bars,
    ]);
    return status === 0 ? null : (/^seed \d+.*\n\s+(.*)$/m.exec(stderr)?.[1] ?? 'the simulation broke');
  }
  const { status, stdout } = run([
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...by.split(' '),
    '--reporter=json',
  ]);
  if (status === 0) return null;
  const report = JSON.parse(stdout.slice(stdout.indexOf('{')));
  const failed = report.testResults.flatMap((file) =>
    file.assertionResults.filter((test) => test.status === 'failed'),
  );
  return failed[0]?.fullName ?? 'the tests could not run';
}

const GATE = 'native/gate/';

/** A fault in the gate's program is compiled into the copy; no other native source can be changed. */
function compileGate(tree) {
  rmSync(path.join(tree, 'native'));
  for (const part of ['native/gate', 'native/test'])
    cpSync(path.join(root, part), path.join(tree, part), { recursive: true });
  mkdirSync(path.join(tree, 'native/build/Release'), { recursive: true });
  const addon = 'native/build/Release/redbutton.node';
  symlinkSync(path.join(root, addon), path.join(tree, addon));
  return () => {
    const sources = readdirSync(path.join(tree, GATE)).filter((name) => name.endsWith('.cc'));
    const args = [
      '-std=c++17',
      '-O2',
      '-fno-exceptions',
      '-fno-rtti',
      '-o',
      '../build/Release/redbutton-gate',
    ];
    const { status, stderr } = spawnSync('g++', [...args, ...sources], {
      cwd: path.join(tree, GATE),
      encoding: 'utf8',
    });
    return status === 0 ? null : `it does not compile: ${stderr.split('\n')[0]}`;
  };
}

function copyTree() {
  const tree = mkdtempSync(path.join(tmpdir(), 'redbutton-mutant-'));
  for (const part of [
    'src',
    'test',
    'models',
    'image',
    'systemd',
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'vitest.config.ts',
  ]) {
    cpSync(path.join(root, part), path.join(tree, part), { recursive: true });
  }
  for (const part of ['node_modules', 'native', 'scripts'])
    symlinkSync(path.join(root, part), path.join(tree, part));
  return tree;
}

function mutate(tree, { file, from, to }) {
  const place = path.join(tree, file);
  const source = readFileSync(place, 'utf8');
  const found = source.split(from).length - 1;
  if (found !== 1) return `the text to replace stands ${found} times in ${file}`;
  writeFileSync(
    place,
    source.replace(from, () => to),
  );
  return null;
}

const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only));
const rows = [];
for (const mutation of chosen) {
  const startedMs = performance.now();
  const tree = copyTree();
  try {
    const compile = mutation.file.startsWith(GATE) ? compileGate(tree) : () => null;
    const misfit = mutate(tree, mutation) ?? compile();
    const found = misfit === null ? judge(mutation.by, tree) : null;
    const verdict = misfit ? 'DOES NOT APPLY' : found === null ? 'SURVIVED' : 'caught';
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(0);
    rows.push(verdict);
    console.log(
      `${verdict.padEnd(15)} ${mutation.name}\n${' '.repeat(16)}${misfit ?? found ?? `nothing in ${mutation.by} failed`} (${seconds} s)`,
    );
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
}
const caught = rows.filter((verdict) => verdict === 'caught').length;
console.log(`${caught} of ${chosen.length} mutations caught`);
process.exitCode = caught === chosen.length && chosen.length > 0 ? 0 : 1;
