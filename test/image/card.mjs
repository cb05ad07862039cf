// An SD card in a file, and what a Raspberry Pi's own firmware does with it: reading config.txt and fetching kernel, initial
// ramdisk and command line from the boot partition. So what QEMU starts is what the card holds at that moment.
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const BOOT_AT = 4 * 1024 * 1024;

const mtools = (program, card, ...args) =>
  execFileSync(program, ['-i', `${card}@@${BOOT_AT}`, ...args], {
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
  });

/** Flashes `image` on a card of `bytes`, which is sparse. */
export function flash(image, card, bytes) {
  execFileSync('cp', ['--sparse=always', image, card]);
  truncateSync(card, bytes);
}

export const cloneCard = (from, to) => {
  copyFileSync(from, to, constants.COPYFILE_FICLONE);
};

/** What a computer does into which the card is put. */
export const filesOn = (card) =>
  mtools('mdir', card, '-b', '::/')
    .split('\n')
    .filter(Boolean)
    .map((name) => name.replace(/^::\//, '').replace(/\/$/, ''));
export const readOn = (card, name) => mtools('mtype', card, `::${name}`);
export function putOn(card, name, text) {
  const file = path.join(path.dirname(card), `put-${path.basename(name)}`);
  writeFileSync(file, text);
  mtools('mcopy', card, '-o', file, `::${name}`);
}
export const removeOn = (card, name) => mtools('mdel', card, `::${name}`);

/** Whether the text stands anywhere in the boot partition, free sectors included. */
export function bootPartitionHolds(card, text) {
  const part = path.join(path.dirname(card), 'boot-part.img');
  execFileSync('dd', [
    `if=${card}`,
    `of=${part}`,
    'bs=1M',
    'skip=4',
    'count=512',
    'conv=sparse',
    'status=none',
  ]);
  try {
    execFileSync('grep', ['-qaF', text, part]);
    return true;
  } catch {
    return false;
  }
}

/** The firmware's part of a start. `tryboot`: the start after a restart that asked for it. */
export function firmware(card, dir, tryboot) {
  const configTxt = readOn(
    card,
    tryboot && filesOn(card).includes('tryboot.txt') ? 'tryboot.txt' : 'config.txt',
  );
  const value = (key) => new RegExp(`^${key}[= ](\\S+)`, 'm').exec(configTxt)?.[1];
  const prefix = value('os_prefix') ?? '';
  const kernel = path.join(dir, 'kernel');
  const initrd = path.join(dir, 'initrd');
  mtools('mcopy', card, '-n', '-o', `::${prefix}${value('kernel')}`, kernel);
  mtools('mcopy', card, '-n', '-o', `::${prefix}${value('initramfs')}`, initrd);
  return {
    kernel,
    initrd,
    commandLine: readOn(card, `${prefix}cmdline.txt`).trim(),
    slot: prefix.replace('/', ''),
  };
}

export const text = (file) => readFileSync(file, 'utf8');
