import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { NODE_LINES, nodeAdvice } from '../../src/core/node-support.js';

const read = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

describe('the version of Node.js', () => {
  it.each([
    ['20.19.2', null],
    ['20.20.2', null],
    ['26.12.1', null],
    ['26.13.0', null],
    ['26.12.0', 'lacks security fixes: update it to 26.12.1'],
    ['26.2.0', 'lacks security fixes'],
    ['24.22.1', 'not tested'],
    ['27.0.0', 'not tested'],
    ['18.20.0', 'not tested'],
  ])('%s is judged', (version, advice) => {
    if (advice === null) expect(nodeAdvice(version)).toBe(null);
    else expect(nodeAdvice(version)).toContain(advice);
  });

  it('of the image is a patched one, and the page shows every line', () => {
    expect(nodeAdvice(read('image/node-version').trim())).toBe(null);
    const page = read('docs/operations.md');
    for (const { major, patched, where } of NODE_LINES) {
      expect(page).toContain(
        `| ${major} | ${where} | ${patched ?? 'Debian’s own releases'.replace('’', "'")} |`,
      );
    }
  });
});
