import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { writeDurably } from '../../adapters/files/durable-file.js';
import { fault, messageOf } from '../../core/errors.js';
import { otherSlot, PARTITION, runningSlot, type Slot, withSlot } from './slots.js';
import { upgradesIn } from './window.js';

/** Where the next system is put together. */
const NEXT = '/run/redbutton-next';
const BOOT = '/boot/firmware';
/** Kept on the data partition: package lists are larger than the memory that may be spent on them. */
const LISTS = '/data/os-update/lists';
const LIBRARY = '/usr/lib/redbutton';

const exec = promisify(execFile);
const APT = [
  '-q',
  '-o',
  `Dir::State::lists=${LISTS}`,
  '-o',
  'APT::Install-Recommends=false',
  '-o',
  'Dpkg::Use-Pty=0',
];

export interface Systems {
  readonly running: Slot;
  readonly next: Slot;
  readonly diskId: string;
}

/** Runs a program of the system; `E_OS_UPDATE` with the end of what it said where it fails. */
async function run(program: string, ...args: string[]): Promise<string> {
  try {
    const { stdout } = await exec(program, args, {
      maxBuffer: 64 << 20,
      env: { ...process.env, LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' },
    });
    return stdout;
  } catch (error) {
    const { stderr, stdout } = error as { stderr?: string; stdout?: string };
    const said = (stderr || stdout || messageOf(error)).trim().split('\n').slice(-3).join(' · ');
    throw fault(
      'E_OS_UPDATE',
      `${program} ${args.at(-1) ?? ''} failed: ${said}`,
      'nothing has changed: the running system is as it was; see journalctl -u redbutton-os-update',
      error,
    );
  }
}

/** The two systems of this box. `E_OS_SLOTS` where it has only one. */
export async function systemsOf(): Promise<Systems> {
  const found = runningSlot(await readFile('/proc/cmdline', 'utf8'));
  const next = found && otherSlot(found.slot);
  if (found === undefined || next === undefined || !(await exists(deviceOf(found.diskId, next)))) {
    throw fault(
      'E_OS_SLOTS',
      'this box has no second system to update into',
      found === undefined
        ? 'it was not started from a Redbutton image: use apt'
        : 'its card is too small: use one of 8 GB or more, and flash it again',
    );
  }
  return { running: found.slot, next, diskId: found.diskId };
}

const deviceOf = (diskId: string, slot: Slot) => `/dev/disk/by-partuuid/${diskId}-0${PARTITION[slot]}`;

/** What Debian has that this system has not: `NAME VERSION` each. Fetches its lists again. */
export async function pendingUpgrades(): Promise<readonly string[]> {
  await mkdir(path.join(LISTS, 'partial'), { recursive: true });
  await run('apt-get', ...APT, 'update');
  return upgradesIn(await run('apt-get', ...APT, '--simulate', '--with-new-pkgs', 'upgrade'));
}

/**
 * Copies the running system, which is never written, into the other one and upgrades it there; then fills the other
 * one's folder on the boot partition. What runs, and what starts after a power cut, stays as it was.
 */
export async function buildNext(systems: Systems, say: (line: string) => void): Promise<void> {
  const from = deviceOf(systems.diskId, systems.running);
  const to = deviceOf(systems.diskId, systems.next);
  await unmountNext();
  say(`copying the running system to ${to}`);
  await run('e2image', '-r', '-a', from, to);
  await run('e2fsck', '-f', '-y', to).catch(() => run('e2fsck', '-f', '-p', to));
  await mkdir(NEXT, { recursive: true });
  await run('mount', '-t', 'ext4', '-o', 'noatime', to, NEXT);
  try {
    for (const dir of ['proc', 'sys', 'dev']) await run('mount', '--bind', `/${dir}`, `${NEXT}/${dir}`);
    await run('mount', '-t', 'tmpfs', 'tmpfs', `${NEXT}/tmp`);
    await run('mount', '-t', 'tmpfs', 'tmpfs', `${NEXT}/run`);
    await mkdir(`${NEXT}/data`, { recursive: true });
    await mkdir(`${NEXT}/run/systemd/resolve`, { recursive: true });
    await writeFile(`${NEXT}/run/systemd/resolve/stub-resolv.conf`, await readFile('/etc/resolv.conf'));
    await run('mount', '--bind', '/data', `${NEXT}/data`);
    // No service of the copy may start beside the running ones.
    await writeFile(`${NEXT}/usr/sbin/policy-rc.d`, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    say('upgrading the copy');
    const keep = ['-o', 'Dpkg::Options::=--force-confold'];
    await run('chroot', NEXT, 'apt-get', ...APT, ...keep, '-y', '--with-new-pkgs', 'upgrade');
    await run('chroot', NEXT, 'apt-get', ...APT, '-y', '--purge', 'autoremove');
    await run('chroot', NEXT, 'apt-get', 'clean');
    await rm(`${NEXT}/usr/sbin/policy-rc.d`);
    await writeBoot(systems);
  } finally {
    await unmountNext();
  }
  await run('sync');
}

async function writeBoot({ next, diskId }: Systems): Promise<void> {
  await writableBoot(async () => {
    const folder = `${BOOT}/${next}`;
    await rm(folder, { recursive: true, force: true });
    await run(`${LIBRARY}/boot-slot`, NEXT, folder, `${diskId}-0${PARTITION[next]}`);
    const configTxt = await readFile(`${BOOT}/config.txt`, 'utf8');
    await writeDurably(`${BOOT}/tryboot.txt`, withSlot(configTxt, next));
  });
}

/** The boot partition is read-only but for such a moment. */
export async function writableBoot(work: () => Promise<void>): Promise<void> {
  await run('mount', '-o', 'remount,rw', BOOT);
  try {
    await work();
    await run('sync', '-f', BOOT);
  } finally {
    await run('mount', '-o', 'remount,ro', BOOT);
  }
}

async function unmountNext(): Promise<void> {
  const mounted = (await readFile('/proc/self/mounts', 'utf8'))
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((place) => place === NEXT || place.startsWith(`${NEXT}/`));
  // The innermost first.
  for (const place of mounted.sort().reverse()) await run('umount', place);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
