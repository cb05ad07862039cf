// Finds compiled code that this machine cannot run: names each such file and exits with 1, or removes it. npm's --cpu, or
// npm_config_arch, names another machine than this one.
// Usage: node scripts/foreign-binaries.mjs [--remove] DIR...
import { closeSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import path from 'node:path';
import { isRun, readOptions } from './usage.mjs';

const ELF_MACHINES = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64' };
const ELF_SYSTEMS = { 0: 'linux', 3: 'linux' };
const MACH_O = new Set([0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe, 0xcafebabf]);

/** The machine that programs are made for here, as in `linux-arm64`. */
export const target = `linux-${process.env.npm_config_cpu || process.env.npm_config_arch || process.arch}`;

/** The machine that a file has compiled code for, as in `linux-x64`; null where it is no compiled code. */
export function machineOf(file) {
  const descriptor = openSync(file, 'r');
  try {
    const read = (at, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, at));
    };
    const head = read(0, 64);
    if (head.length < 20) return null;
    if (head.readUInt32BE(0) === 0x7f454c46) {
      // None of ours is big-endian.
      if (head[5] === 2) return 'big-endian';
      const machine = head.readUInt16LE(18);
      return `${ELF_SYSTEMS[head[7]] ?? `system-${head[7]}`}-${ELF_MACHINES[machine] ?? `machine-${machine}`}`;
    }
    if (MACH_O.has(head.readUInt32BE(0))) return 'darwin';
    // A text may begin with the same two letters as a program for Windows.
    if (head.toString('latin1', 0, 2) === 'MZ' && head.length === 64)
      return read(head.readUInt32LE(60), 4).toString('latin1') === 'PE\0\0' ? 'win32' : null;
    return null;
  } finally {
    closeSync(descriptor);
  }
}

/** The files below `dir` with compiled code for another machine than `wanted`; links are not followed. */
export function foreignBelow(dir, wanted = target) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const inner = path.join(dir, entry.name);
    if (entry.isDirectory()) return foreignBelow(inner, wanted);
    const machine = entry.isFile() ? machineOf(inner) : null;
    return machine === null || machine === wanted ? [] : [{ file: inner, machine }];
  });
}

if (isRun(import.meta.url)) {
  const { values, positionals } = readOptions(import.meta.url, {
    allowPositionals: true,
    options: { remove: { type: 'boolean' } },
  });
  const found = positionals.flatMap((dir) => foreignBelow(dir));
  for (const { file, machine } of found) {
    if (values.remove) rmSync(file);
    else process.stderr.write(`${file} is for ${machine}, not for ${target}\n`);
  }
  if (found.length > 0 && !values.remove) process.exitCode = 1;
}
