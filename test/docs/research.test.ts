// @module-tag processes

import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { candleCsv } from '../../src/research/candles/csv-writer.js';
import { compile } from '../support/compiled.js';
import { randomWalk } from '../support/tiny-stream.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(path.join(root, 'docs/research.md'), 'utf8');
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)]
  .flatMap(([, block]) => block!.trim().split('\n'))
  .filter((line) => line.startsWith('node dist/main.js '));

const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-docs-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('docs/research.md', () => {
  it('has commands that run as they stand', { timeout: 300_000 }, () => {
    writeFileSync(
      path.join(dir, 'candles.csv'),
      [...candleCsv(toColumns(randomWalk(seededRng(1), 500)), () => {})].join(''),
    );
    symlinkSync(path.join(root, 'models'), path.join(dir, 'models'));
    // What is compiled finds its parts beside it, as an installed package does.
    const compiled = compile(['src/main.ts']);
    try {
      for (const asset of ['native', 'package.json']) {
        const link = path.join(path.dirname(compiled.file('src/main.ts')), '..', asset);
        if (!existsSync(link)) symlinkSync(path.join(root, asset), link);
      }
      for (const name of ['page.js', 'page.css']) {
        const link = compiled.file(`src/research/report/${name}`);
        if (!existsSync(link)) symlinkSync(path.join(root, 'src/research/report', name), link);
      }
      expect(commands.length).toBe(3);
      const outputs = commands.map((line) =>
        execFileSync(process.execPath, [compiled.file('src/main.ts'), ...line.split(' ').slice(2)], {
          cwd: dir,
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'pipe'],
        }),
      );
      expect(JSON.parse(outputs[2]!).bars).toBe(500);
      expect(readFileSync(path.join(dir, 'backtest.html'), 'utf8')).toContain('Backtest report');
    } finally {
      compiled.remove();
    }
  });
});
