// Presses the button of a guard whose disk is bad, ends the guard, starts it again, and prints whether the halt was
// remembered. Needs root (loop devices, a mount namespace of its own) and `npm run build`.
// Usage: node scripts/bad-disks.mjs [--quick]
// Exit 1 when a halt was forgotten that any place took, or one that no place took without an alert.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readOptions } from './usage.mjs';

const self = fileURLToPath(import.meta.url);
const dist = path.join(path.dirname(self), '../dist');
const { quick } = readOptions(import.meta.url, { options: { quick: { type: 'boolean' } } }).values;

if (process.getuid() !== 0) {
  console.log('skipped: bad disks are made of loop devices, which needs root');
  process.exit(0);
}
if (process.env.REDBUTTON_DISKS === undefined) {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-disks-'));
  const inside = spawn('unshare', ['-m', process.execPath, self, ...process.argv.slice(2)], {
    env: { ...process.env, REDBUTTON_DISKS: dir },
    stdio: 'inherit',
  });
  const code = await new Promise((resolve) => inside.once('close', resolve));
  // The mounts have ended with their namespace.
  rmSync(dir, { recursive: true, force: true });
  process.exit(code ?? 1);
}

const { createArmedRecordFile } = await import(path.join(dist, 'guard/armed-record.js'));
const { createRecordBlock } = await import(path.join(dist, 'guard/record-block.js'));

const root = process.env.REDBUTTON_DISKS;
const run = (program, ...args) => execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
/** Fills `dir` until nothing more goes in, with a file or with names. */
const fill = (dir, what) =>
  execFileSync('sh', [
    '-c',
    what === 'space'
      ? `cat /dev/zero >"$1"/filling 2>/dev/null; sync; true`
      : `i=0; while true >"$1"/name$i; do i=$((i+1)); done 2>/dev/null; true`,
    'fill',
    dir,
  ]);

/** A small ext4 on a loop device, whose image lies in a tmpfs of its own. */
function makeDisk(name) {
  const base = path.join(root, name);
  const at = path.join(base, 'at');
  const image = path.join(base, 'image', 'disk');
  mkdirSync(path.dirname(image), { recursive: true });
  mkdirSync(at);
  run('mount', '-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', path.dirname(image));
  run('truncate', '-s', '12M', image);
  run('mke2fs', '-q', '-t', 'ext4', '-N', '64', image);
  const mount = () => run('mount', '-o', 'loop', image, at);
  mount();
  return { at, image, mount };
}

const sh = (text, ...args) => execFileSync('sh', ['-c', text, 'sh', ...args], { stdio: 'ignore' });
/** What happens to a disk: with the place of the record on it. `repair` undoes what a restart of the machine undoes. */
const KINDS = {
  'read-only': { spoil: ({ at }) => run('mount', '-o', 'remount,ro', at) },
  full: { spoil: ({ at }) => fill(at, 'space') },
  'no inodes': { spoil: ({ at }) => fill(at, 'names') },
  'record immutable': { spoil: (_disk, file) => run('chattr', '+i', file) },
  'folder immutable': { spoil: (_disk, file) => run('chattr', '+i', path.dirname(file)) },
  'fsync hangs': {
    spoil: ({ at }) => run('fsfreeze', '-f', at),
    repair: ({ at }) => sh('fsfreeze -u "$1" || true', at),
  },
  'I/O errors': {
    // No block of the device can be had any more: what is written to it fails.
    spoil({ image }) {
      sh('truncate -s 0 "$1"; truncate -s 12M "$1"; cat /dev/zero >"$1".filling 2>/dev/null; true', image);
    },
    lost: true,
  },
  'folder gone': { spoil: (_disk, file) => rmSync(path.dirname(file), { recursive: true }) },
};
const SCENES = ['same boot', 'power cut, second good', 'power cut, second bad'];
const ENDINGS = ['kill -9', 'restart'];

function startGuard(box) {
  const args = [
    path.join(dist, 'main.js'),
    'guard',
    '--run-dir',
    box.runDir,
    '--state-dir',
    box.stateDir,
    '--gpio',
    'simulated',
  ];
  const env = { ...process.env, ...(box.second && { REDBUTTON_SECOND_RECORD: box.second }) };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const guard = { child, text: '', ended: false };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (guard.text += chunk));
  child.once('exit', () => (guard.ended = true));
  return guard;
}

const ask = (box, method, at, body) =>
  new Promise((resolve) => {
    const asking = request(
      { socketPath: path.join(box.runDir, 'guard/control.sock'), method, path: at, timeout: 20_000 },
      (response) => {
        let text = '';
        response.on('data', (chunk) => (text += chunk));
        response.on('end', () => resolve(JSON.parse(text)));
      },
    );
    asking.on('error', () => resolve(null));
    asking.end(body && JSON.stringify(body));
  });

async function until(what, isSo, forMs) {
  const endMs = performance.now() + forMs;
  for (;;) {
    const found = await isSo();
    if (found) return found;
    if (performance.now() > endMs) throw new Error(`waited ${forMs / 1000} s in vain for ${what}`);
    await delay(50);
  }
}

async function row(kind, ending, scene, number) {
  const { spoil, repair = () => {}, lost = false } = KINDS[kind];
  const cut = scene !== SCENES[0];
  const first = makeDisk(`first${number}`);
  const box = {
    runDir: path.join(root, `run${number}`),
    stateDir: path.join(first.at, 'state'),
    second: null,
  };
  const file = `${box.stateDir}-guard/armed`;
  const armed = {
    armed: true,
    epoch: 40,
    atMs: 1,
    cause: 'armed at the button',
    ...(cut && { inBoth: true }),
  };
  let second = null;
  if (cut) {
    second = makeDisk(`second${number}`);
    box.second = path.join(second.at, 'guard/armed');
    mkdirSync(path.dirname(box.second));
    writeFileSync(box.second, Buffer.alloc(4096));
    await createRecordBlock(box.second).write(armed);
  }
  await createArmedRecordFile(file).write(armed);
  mkdirSync(box.runDir);
  let guard = startGuard(box);
  const status = () => ask(box, 'GET', '/status');
  await until(
    'an armed box',
    async () => {
      const it = await status();
      return it?.state === 'REDUCING' && it.contact === 'released';
    },
    60_000,
  );
  await until('the first try', () => existsSync(`${file}.probe`), 30_000);

  await delay(300);
  run('sync', '-f', first.at);
  if (second !== null) run('sync', '-f', second.at);
  spoil(first, file);
  const bothBad = scene === SCENES[2];
  if (bothBad) spoil(second, box.second);
  // Where nothing may take the halt, what comes before the press is part of the row.
  if (bothBad)
    await until('a minute’s try', () => guard.text.includes('record_at_risk'), 90_000).catch(() => undefined);
  await ask(box, 'POST', '/sim/button', { pressed: true });
  const halted = await until(
    'an answer about the record',
    async () => {
      const it = await status();
      return it?.halt && (it.halt.recorded || it.halt.notRecorded) ? it : null;
    },
    20_000,
  );
  const { recorded, confirmed } = halted.halt;
  const falsely = !recorded && (halted.led === 'halted_confirmed' || guard.text.includes('"halt_confirmed"'));
  await ask(box, 'POST', '/sim/button', { pressed: false });
  await delay(200);
  const alerts = ['record_at_risk', 'halt_not_recorded'].filter((kind) => guard.text.includes(`"${kind}"`));

  guard.child.kill(ending === 'restart' ? 'SIGTERM' : 'SIGKILL');
  await until('the end of the guard', () => guard.ended, 8_000).catch(() => undefined);
  let stuck = '';
  if (!guard.ended || cut) {
    // A thread that hangs on a disk holds its process, whatever ends it; a restart of the machine is the end of both.
    if (!guard.ended && !cut) stuck = ', held by the disk until that answered';
    repair(first);
    if (second !== null) repair(second);
    await until('the end of the guard', () => guard.ended, 30_000);
  }
  if (cut) {
    rmSync(box.runDir, { recursive: true });
    mkdirSync(box.runDir);
    for (const disk of bothBad ? [first, second] : [first]) {
      run('umount', disk.at);
      // A disk whose blocks are lost cannot be mounted: an empty folder is found in its place.
      if (!lost) disk.mount();
    }
  }
  guard = startGuard(box);
  const after = await until(
    'the next start',
    async () => {
      const it = await status();
      if (it === null && guard.ended) throw new Error(`it did not start: ${guard.text}`);
      return it?.contact === 'released' ? it : null;
    },
    60_000,
  );
  guard.child.kill('SIGKILL');
  repair(first);
  if (second !== null) repair(second);
  const remembered = after.state === 'HALTED';
  const bad = falsely || (!remembered && (recorded || !cut || alerts.length === 0));
  const how = remembered ? 'halted' : 'ARMED';
  const why = after.halt ? ` (${after.halt.detail.slice(0, 60)})` : '';
  const text = [
    kind,
    ending,
    scene,
    recorded ? 'recorded' : 'NOT RECORDED',
    alerts.join(' + ') || '-',
    `${how}${stuck}${why}`,
  ];
  return { text, bad, remembered, recorded, confirmed };
}

const kinds = quick ? ['read-only', 'record immutable', 'fsync hangs'] : Object.keys(KINDS);
const rows = kinds.flatMap((kind) =>
  (quick ? [ENDINGS[0]] : ENDINGS).flatMap((ending) =>
    (quick ? SCENES.slice(0, 2) : SCENES).map((scene) => [kind, ending, scene]),
  ),
);
const results = [];
let next = 0;
async function worker() {
  while (next < rows.length) {
    const number = next++;
    results[number] = await row(...rows[number], number).catch((error) => ({
      text: [...rows[number], '', '', `FAILED: ${error.message}`],
      bad: true,
    }));
  }
}
await Promise.all(Array.from({ length: 6 }, worker));

const head = ['disk', 'guard ended by', 'then', 'the halt was', 'told before the end', 'next start'];
const width = head.map((title, i) => Math.max(title.length, ...results.map(({ text }) => text[i].length)));
for (const cells of [head, ...results.map(({ text }) => text)]) {
  console.log(
    cells
      .map((cell, i) => cell.padEnd(width[i]))
      .join('  ')
      .trimEnd(),
  );
}
const forgotten = results.filter(({ remembered }) => remembered === false);
const taken = forgotten.filter(({ recorded }) => recorded);
const wrong = results.filter(({ bad }) => bad);
console.log(
  `${results.length} rows: forgotten ${forgotten.length}, of these recorded anywhere ${taken.length}; rows that must not be ${wrong.length}`,
);
process.exit(wrong.length === 0 ? 0 : 1);
