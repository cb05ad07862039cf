import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { errorCodesPage } from '../../scripts/docs-error-codes.mjs';
import * as catalogue from '../../src/core/error-catalogue.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { FAILED, BAD_INPUT, LIVE_BLOCKERS, REPORTED } = catalogue;
const listed = [FAILED, BAD_INPUT, LIVE_BLOCKERS, REPORTED].flatMap((codes) => Object.keys(codes));

describe('docs/error-codes.md', () => {
  it('is what the catalogue says now (else: npm run build && node scripts/docs-error-codes.mjs)', () => {
    expect(readFileSync(path.join(root, 'docs/error-codes.md'), 'utf8')).toBe(errorCodesPage(catalogue));
  });

  it('has every code that is used, once, and uses every code that it has', () => {
    const used = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('error-catalogue.ts'))
      .map((file) => readFileSync(path.join(root, 'src', file), 'utf8'))
      .flatMap((text) => [...text.matchAll(/'(E_[A-Z0-9_]*[A-Z0-9])'/g)].map((match) => match[1]!));
    expect(listed.sort()).toEqual([...new Set(used)].sort());
  });

  it('says what helps, in one sentence', () => {
    const texts = [FAILED, BAD_INPUT, LIVE_BLOCKERS, REPORTED].flatMap((codes) => Object.values(codes));
    expect(texts.filter((text) => !/^\S.{20,}[^.]\.$/.test(text))).toEqual([]);
  });
});
