// @module-tag processes

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { candleCsv } from '../../src/research/candles/csv-writer.js';
import { type Compiled, compile } from '../support/compiled.js';
import { randomWalk, START_MS } from '../support/tiny-stream.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
/** Every line that stands there to be typed, without its comment. */
const typed = [...readme.matchAll(/^ {4}((?:node|npx|npm|scripts\/|redbutton)[^#\n]*)/gm)].map(([, line]) =>
  line!.trim(),
);
const NOT_RUN_HERE: Readonly<Record<string, string>> = {
  'scripts/demo': 'takes minutes; .ci/run runs it after the tests',
  'scripts/test': 'runs this very test',
};
const DAY_MS = 86_400_000;
const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-readme-'));
let program: Compiled;
beforeAll(() => {
  program = compile(['src/main.ts']);
  // Three years of daily candles
  const rows = randomWalk(seededRng(1), 1100).map((row, i) => ({ ...row, openMs: START_MS + i * DAY_MS }));
  writeFileSync(path.join(dir, 'IN.csv'), [...candleCsv(toColumns(rows), () => {})].join(''));
}, 120_000);
afterAll(() => {
  program.remove();
  rmSync(dir, { recursive: true, force: true });
});
const redbutton = (...args: readonly string[]) =>
  execFileSync(process.execPath, [program.file('src/main.ts'), ...args], {
    cwd: dir,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

describe('README.md', () => {
  it('has commands that run as they stand, one after the other', { timeout: 300_000 }, () => {
    const ours = typed.filter((line) => !(line in NOT_RUN_HERE));
    expect(typed.length - ours.length).toBe(Object.keys(NOT_RUN_HERE).length);
    expect(ours.length).toBeGreaterThanOrEqual(8);
    for (const line of ours) {
      expect(line).toMatch(/^node dist\/main\.js /);
      expect(redbutton(...line.split(/\s+/).slice(2)), line).not.toBe('');
    }
    for (const made of ['OUT.csv', 'FEATURES.csv', 'my-model/model.onnx', 'report.html'])
      expect(existsSync(path.join(dir, made)), made).toBe(true);
  });

  it('names only commands of the box that there are', () => {
    const all = redbutton('--help');
    const named = [...readme.matchAll(/`redbutton\s+([a-z-]+)/g)].map(([, name]) => name!);
    expect(named.length).toBeGreaterThan(10);
    for (const name of new Set(named)) expect(all).toMatch(new RegExp(`^ +${name} `, 'm'));
  });
});

it('no page has a command for which npx would ask a registry', () => {
  // npx does not know the program of a clone by its name, built or not, and looks for a package that is called so
  const pages = ['README.md', 'CONTRIBUTING.md', 'models/README.md'];
  pages.push(...readdirSync(path.join(root, 'docs')).map((name) => `docs/${name}`));
  const texts = pages.filter((name) => name.endsWith('.md'));
  expect(
    texts.filter((name) => readFileSync(path.join(root, name), 'utf8').includes('npx redbutton')),
  ).toEqual([]);
});
