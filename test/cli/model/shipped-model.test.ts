import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { command } from '../../../src/cli/model/train.js';
import { captureIo } from '../../support/command-io.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-shipped-'));
afterAll(() => rmSync(dir, { recursive: true }));

it('the shipped model is made again, byte for byte, by the command in its note', async () => {
  const note = readFileSync(path.join(root, 'models/README.md'), 'utf8');
  const line = /node dist\/main.js train (.+)/.exec(note)![1]!;
  const words = line.split(/\s+/);
  const args = words.map((word, i) => {
    if (words[i - 1] === '--candles') return path.join(root, word);
    return words[i - 1] === '--out' ? dir : word;
  });
  expect(await command.run(args, captureIo())).toBe(0);
  const shipped = path.join(root, 'models/sp500-daily');
  expect(
    readFileSync(path.join(dir, 'model.onnx')).equals(readFileSync(path.join(shipped, 'model.onnx'))),
  ).toBe(true);
  // All but the time of making.
  const manifest = (folder: string) => {
    const { createdAt, ...rest } = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8'));
    expect(createdAt).toMatch(/Z$/);
    return rest;
  };
  expect(manifest(dir)).toEqual(manifest(shipped));
});
