import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);
const text = (name: string) => readFileSync(new URL(name, root), 'utf8');
const page = text('docs/halt-model.md');

describe('docs/halt-model.md', () => {
  it('has a row for each fault that is put back, and for no other', () => {
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name!);
    const tried = [...text('test/model/model.test.ts').matchAll(/fault: '([A-Z_]+)'/g)].map(
      ([, name]) => name!,
    );
    expect(tried.length).toBeGreaterThan(15);
    expect([...rows].sort()).toEqual([...tried].sort());
    const models = text('test/model/wire.pml') + text('test/model/memory.pml');
    expect(tried.filter((name) => !models.includes(name))).toEqual([]);
  });

  it('names places that there are', () => {
    for (const [, place] of page.matchAll(/`((?:src|test|scripts|native|systemd)\/[\w./-]*)`/g))
      expect(existsSync(new URL(place!, root)), place).toBe(true);
  });
});
