// @module-tag processes

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const image = fileURLToPath(new URL('../../image/', import.meta.url));
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;

/** Loop devices and a mount namespace: not everywhere where tests run. */
function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'it needs root';
  const tried = spawnSync(
    'unshare',
    ['-m', 'sh', '-c', 'losetup -f && command -v sfdisk && command -v mke2fs'],
    {
      env: { ...process.env, PATH },
      encoding: 'utf8',
    },
  );
  return tried.status === 0 ? null : `loop devices, sfdisk or mke2fs are not here: ${tried.stderr}`;
}
const reason = whyNot();
if (reason !== null) console.log(`skipped: the second record on a card, ${reason}`);

/**
 * Puts the card $1 into a loop device, beside the folders and users of a box that the mount namespace has alone. `again` is
 * a start of the box: nothing is mounted.
 */
const BOX = `
set -u
cd "$1"
mount -t tmpfs tmpfs /var/lib && mount -t tmpfs tmpfs /run
mount --bind passwd /etc/passwd && mount --bind group /etc/group
disk=
out() {
  umount /var/lib/redbutton-record 2>/dev/null
  losetup -d "$disk"
  disk=
}
trap '[ -z "$disk" ] || out' EXIT
# A kernel that knows no tables of this kind is told what stands in it.
put() {
  disk=$(losetup -Pf --show "$1")
  [ -e "\${disk}p3" ] || sfdisk -d "$1" | sed -n 's/^[a-z]*\\([0-9]\\) : start= *\\([0-9]*\\), size= *\\([0-9]*\\).*/\\1 \\2 \\3/p' |
    while read -r part; do addpart "$disk" $part; done
}
start() { "$2/root/usr/lib/redbutton/mount-record" "\${disk}p3" 2>&1; echo "ended: $?"; }
again() { out; rm -rf /run/redbutton-record; put "$1"; }
`;

describe.skipIf(reason !== null)('the second record on a card', () => {
  let dir: string;
  const sh = (text: string, ...args: string[]) => {
    const ran = spawnSync('sh', ['-ec', text, 'sh', ...args], {
      cwd: dir,
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    expect(ran.status, ran.stderr).toBe(0);
    return ran.stdout;
  };
  const box = (text: string) => {
    const script = BOX.replaceAll('"$2/root', `"${image}root`) + text;
    const ran = spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', dir], {
      encoding: 'utf8',
      env: { ...process.env, PATH },
    });
    return `${ran.stdout}${ran.stderr}`;
  };

  beforeAll(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'rb-card-'));
    writeFileSync(
      path.join(dir, 'passwd'),
      'root:x:0:0::/root:/bin/sh\nredbutton-guard:x:951:950::/:/bin/sh\n',
    );
    writeFileSync(path.join(dir, 'group'), 'root:x:0:\nredbutton:x:950:\n');
    sh(
      `truncate -s 4M boot; truncate -s 0 none
       mke2fs -q -t ext4 root 8M; mke2fs -q -t ext4 data 16M; "$1/record-file-system" record
       "$1/assemble" new 5242444e boot root record data
       "$1/assemble" old 5242444e boot root none data`,
      image.replace(/\/$/, ''),
    );
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('lies between root and data, on no partition of the table', () => {
    const table = sh('sfdisk -d new');
    const parts = [...table.matchAll(/start= *(\d+), size= *(\d+)/g)].map(([, start, size]) => [
      Number(start) / 2048,
      Number(size) / 2048,
    ]);
    expect(parts).toEqual([
      [4, 4],
      [8, 8],
      [24, 16],
    ]);
    // What is at its place is the file system, whole.
    expect(sh('dd if=new bs=1M skip=16 count=8 status=none | cmp - record && echo same')).toBe('same\n');
  });

  it('is mounted at each start, its block made once, the guard’s alone and on a file system of its own', () => {
    const said = box(`
      cp new card; put card; start
      findmnt -no FSTYPE,OPTIONS /var/lib/redbutton-record
      stat -c '%s %a %U %b' /var/lib/redbutton-record/armed
      cat /run/redbutton-record/env
      [ "$(stat -c %d /var/lib/redbutton-record/armed)" != "$(stat -c %d /var/lib)" ] && echo its own
      printf halted | dd of=/var/lib/redbutton-record/armed conv=notrunc,fsync status=none
      chmod 640 /var/lib/redbutton-record/armed
      loop=$(findmnt -no SOURCE /var/lib/redbutton-record)
      where=$(debugfs -R 'blocks armed' "$loop" 2>/dev/null)
      again card; start
      head -c 6 /var/lib/redbutton-record/armed; stat -c ' %s %a' /var/lib/redbutton-record/armed
      loop=$(findmnt -no SOURCE /var/lib/redbutton-record)
      [ "$(debugfs -R 'blocks armed' "$loop" 2>/dev/null)" = "$where" ] && [ -n "$where" ] && echo same block
      start`);
    expect(said).toMatch(/^ext4 (?=.*\brw\b)(?=.*\bnosuid\b)(?=.*\bnodev\b)(?=.*\bnoexec\b)/m);
    // 8 sectors: the block has its place before a halt needs it.
    expect(said).toContain('4096 600 redbutton-guard 8\n');
    expect(said).toContain('REDBUTTON_SECOND_RECORD=/var/lib/redbutton-record/armed\n');
    expect(said).toContain('its own\n');
    expect(said).toContain('halted 4096 640\n');
    expect(said).toContain('same block\n');
    expect(said.match(/^ended: \d+$/gm)).toEqual(['ended: 0', 'ended: 0', 'ended: 0']);
  });

  it('comes through a power cut', () => {
    const said = box(`
      cp new card; put card; start
      printf halted | dd of=/var/lib/redbutton-record/armed conv=notrunc,fsync status=none
      cp card cut; again cut; start
      head -c 6 /var/lib/redbutton-record/armed; echo`);
    expect(said).toMatch(/^halted$/m);
    expect(said.match(/^ended: \d+$/gm)).toEqual(['ended: 0', 'ended: 0']);
  });

  it('is told to the guard also when it cannot be mounted, and no folder passes for it', () => {
    const said = box(`
      cp new card; dd if=/dev/urandom of=card bs=1M seek=16 count=8 conv=notrunc status=none
      put card; start
      cat /run/redbutton-record/env; ls -A /var/lib/redbutton-record | wc -l`);
    expect(said).toContain('cannot be mounted\n');
    expect(said).toContain('ended: 1\n');
    expect(said).toContain('REDBUTTON_SECOND_RECORD=/var/lib/redbutton-record/armed\n0\n');
  });

  it('is not there on a card from before, which stays as it is', () => {
    const said = box(`
      cp old card; put card; start
      ls /run/redbutton-record /var/lib/redbutton-record; cmp card old && echo untouched`);
    expect(said).toContain('this card was flashed before there was a place for it');
    expect(said).toContain('ended: 0\n');
    expect(said.match(/No such file/g)).toHaveLength(2);
    expect(said).toContain('untouched\n');
  });
});

describe('the unit of the second record', () => {
  const read = (file: string) => readFileSync(path.join(image, 'root', file), 'utf8');
  const unit = read('usr/lib/systemd/system/redbutton-record.service');
  const guard = read('etc/systemd/system/redbutton-guard.service.d/redbutton-record.conf');

  it('comes before the guard, and can keep it waiting for half a minute at most, never away', () => {
    expect(unit).toMatch(/^Before=redbutton-guard\.service$/m);
    const limit = (key: string) => Number(new RegExp(`^${key}=(\\d+)$`, 'm').exec(unit)?.[1]);
    // Told to end, killed, and killed again: then systemd continues without it.
    expect(limit('TimeoutStartSec') + 3 * limit('TimeoutStopSec')).toBeLessThanOrEqual(30);
    expect(guard).toMatch(/^After=redbutton-record\.service /m);
    expect(guard).not.toMatch(/^(Requires|Requisite|BindsTo|PartOf|RequiresMountsFor|Wants)=/m);
    expect(unit).not.toMatch(/^(RequiredBy|OnFailure|FailureAction)/m);
    // Without a place there is no such file.
    expect(guard).toMatch(/^EnvironmentFile=-\/run\/redbutton-record\/env$/m);
  });
});
