import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { MUTATIONS } from '../../scripts/mutations.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The long run is no part of the tests: what has been renamed since would only be found there. */
it('every deliberate fault of scripts/mutate still has its one place in the sources', () => {
  const astray = MUTATIONS.filter(
    ({ file, from }) => readFileSync(path.join(root, file), 'utf8').split(from).length !== 2,
  );
  expect(astray.map(({ name }) => name)).toEqual([]);
  expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
});
