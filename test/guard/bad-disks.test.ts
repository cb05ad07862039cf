// @module-tag processes

import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Loop devices and a mount namespace: not everywhere where tests run. */
function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'it needs root';
  const tried = spawnSync('unshare', [
    '-m',
    'sh',
    '-c',
    'd=$(mktemp -d) && truncate -s 4M $d.img && mke2fs -q -t ext4 $d.img && mount -o loop $d.img $d && umount $d; r=$?; rm -r $d $d.img; exit $r',
  ]);
  return tried.status === 0 ? null : `no loop device can be mounted: ${String(tried.stderr).trim()}`;
}

const reason = whyNot();
if (reason !== null) console.log(`skipped: bad disks, ${reason}`);

describe.skipIf(reason !== null)('a halt on a bad disk', () => {
  it('is forgotten by no start: read-only, immutable, hanging; after a kill, and after a power cut with a second place', () => {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
    const ran = spawnSync(process.execPath, ['scripts/bad-disks.mjs', '--quick'], {
      cwd: root,
      encoding: 'utf8',
    });
    console.log(ran.stdout);
    expect(ran.stdout).toContain('6 rows: forgotten 0');
    expect(ran.status, ran.stderr).toBe(0);
  }, 300_000);
});
