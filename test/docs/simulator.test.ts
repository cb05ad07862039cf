// @module-tag processes

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { toColumns } from '../../src/core/candle.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { candleCsv } from '../../src/research/candles/csv-writer.js';
import { EVENT_FAULTS, ORDER_FATES, REQUEST_FAULTS } from '../../src/simulator/fault-kinds.js';
import { compile } from '../support/compiled.js';
import { randomWalk } from '../support/tiny-stream.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** The page's port may be taken on this machine; the test asks for a free one instead. */
const PORT = '18310';
const page = readFileSync(path.join(root, 'docs/simulator.md'), 'utf8');
const lines = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block]) => block!.trim().split('\n'));
const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-docs-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe('docs/simulator.md', () => {
  it('has commands that run as they stand, but for the port', { timeout: 300_000 }, async () => {
    writeFileSync(
      path.join(dir, 'candles.csv'),
      [...candleCsv(toColumns(randomWalk(seededRng(1), 500)), () => {})].join(''),
    );
    const compiled = compile(['src/main.ts']);
    for (const asset of ['native', 'package.json']) {
      const link = path.join(path.dirname(compiled.file('src/main.ts')), '..', asset);
      if (!existsSync(link)) symlinkSync(path.join(root, asset), link);
    }
    const [start, ...rest] = lines;
    expect(start).toMatch(/^node dist\/main.js simulate-exchange /);
    const args = start!.replace(`--port ${PORT}`, '--port 0').split(' ').slice(2);
    const exchange = spawn(process.execPath, [compiled.file('src/main.ts'), ...args], { cwd: dir });
    try {
      let said = '';
      exchange.stderr.on('data', (chunk) => {
        said += String(chunk);
      });
      await new Promise<void>((resolve, reject) => {
        exchange.stdout.on('data', (chunk) => {
          said += String(chunk);
          if (said.includes('restUrl')) resolve();
        });
        exchange.on('exit', (code) => reject(new Error(`ended with ${code}: ${said}`)));
      });
      const port = /restUrl\W+http:\/\/127\.0\.0\.1:(\d+)/.exec(said)![1]!;
      expect(rest).toHaveLength(11);
      for (const line of rest) {
        expect(line).toContain(`:${PORT}/`);
        const command = line.replace(`:${PORT}/`, `:${port}/`);
        const answer = JSON.parse(execFileSync('sh', ['-c', command], { encoding: 'utf8' }));
        expect({ line, code: answer?.code }).toEqual({ line, code: undefined });
      }
    } finally {
      exchange.removeAllListeners('exit');
      exchange.kill('SIGINT');
      compiled.remove();
    }
  });

  it('names every fault', () => {
    const fates = ORDER_FATES.filter((fate) => fate !== 'at_once');
    for (const fault of [...REQUEST_FAULTS, ...fates, ...EVENT_FAULTS, 'stale_book']) {
      expect(page).toContain(`\`${fault}\``);
    }
  });
});
