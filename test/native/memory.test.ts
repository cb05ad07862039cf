// @module-tag processes

import { execFileSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ADDON = fileURLToPath(new URL('../../native/build/Release/redbutton.node', import.meta.url));
/** Frees 200 MB in pieces, of which every hundredth stays, and prints resident MB before, freed, and given back. */
const SCRIPT = `
  const addon = require(process.argv[1]);
  addon.giveBackLargeBlocks();
  const residentMb = () => process.memoryUsage.rss() / 1e6;
  const before = residentMb();
  const kept = [];
  let others = [];
  for (let i = 0; i < 15_000; i++) {
    const piece = Buffer.allocUnsafeSlow(i % 3 ? 2000 : 40_000);
    (i % 100 ? others : kept).push(piece.fill(1));
  }
  others = null;
  gc();
  gc();
  setTimeout(() => {
    const freed = residentMb();
    addon.giveBackFreePages();
    console.log(before, freed, residentMb(), kept.length);
  }, 50);`;

it('gives free pages between what is in use back to the system', () => {
  const said = execFileSync(process.execPath, ['--expose-gc', '-e', SCRIPT, ADDON], { encoding: 'utf8' });
  const [before, freed, givenBack] = said.split(' ').map(Number) as [number, number, number];
  // Else the allocator had nothing to give, and the test says nothing.
  expect(freed).toBeGreaterThan(before + 150);
  expect(givenBack).toBeLessThan(before + 60);
});
