// @module-tag processes

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { kernelPaths } from './kernel-paths.js';

const SOURCE = fileURLToPath(new URL('../../native/test/log-accuracy.cc', import.meta.url));
const DRAWS = '100000';

it('the logarithm is within 1 ulp of a quadruple-precision one, on every lane type', {
  timeout: 120_000,
}, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'redbutton-log-'));
  try {
    const program = path.join(folder, 'log-accuracy');
    const machine = kernelPaths().includes('avx2') ? ['-mavx2', '-mno-fma'] : [];
    const libraries = process.arch === 'x64' ? ['-lquadmath'] : [];
    const flags = ['-std=gnu++17', '-O2', '-ffp-contract=off', ...machine];
    execFileSync('g++', [...flags, SOURCE, '-o', program, ...libraries]);
    // The program's exit code is its verdict too: execFileSync throws unless it is 0.
    const printed = execFileSync(program, [DRAWS], { encoding: 'utf8' });
    expect(Number(/worst of all ([\d.]+) ulp/.exec(printed)![1])).toBeLessThan(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
