import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/safety-case.md', root), 'utf8');
const claims = [...page.matchAll(/\| `(test\/[\w./-]+)` "(.+)" \|$/gm)].map(([, file, title]) => ({
  file: file!,
  title: title!,
}));

describe('docs/safety-case.md', () => {
  it('names a test in every line of its tables', () => {
    const lines = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| hazard'));
    expect(claims.length).toBe(lines.length);
    expect(claims.length).toBeGreaterThan(20);
  });

  it.each(claims)('$file has "$title"', ({ file, title }) => {
    const path = new URL(file, root);
    expect(existsSync(path), file).toBe(true);
    expect(readFileSync(path, 'utf8')).toContain(title);
  });
});
