// Cuts the power of the virtual Pi at any moment of a halt: `power-cuts.mjs IMAGE_DIR CUTS [SEED]`. In each life the guest
// arms itself, presses its button and says when the halt was acknowledged as durable; QEMU is killed at a random moment
// after the press or, every second time, right after the acknowledgement, which is where it is hardest to keep. That loses
// all that the guest's kernel had not written. The next life must come up halted whenever the last one had acknowledged.
// Prints the seed, a line a life, and the verdict.
import { spawn } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { qemuArguments } from './qemu.mjs';

const [images, count = '5', seedText = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const LIFE_MS_MAX = 240_000;
/** The emulated kernel itself dies now and then before the box is there: that is a cut more, and no word of the box. */
const BOOTS_MAX = 3;
/** A disk of its own, as new: the first life is that of a box nobody has armed. */
const DATA = 'data-of-power-cuts.img';
/** The cut falls within this time of its moment: the press, which is usually before the acknowledgement, or that itself. */
const SPREAD_MS = { press: 400, acknowledgement: 40 };

let seed = Number(seedText);
/** mulberry32, so that a failure can be tried again with its seed. */
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

/** One life; `plan` is null for the last, which only tells its state. Resolves to what the guest found at its start, and whether it acknowledged before the cut; to null where its kernel died before that. */
function live(plan) {
  return new Promise((resolve, reject) => {
    const run = qemuArguments(images, 'node,test/device/guest/power-cut.mjs', DATA);
    const guest = spawn('qemu-system-x86_64', run, {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const said = [];
    let found;
    let acknowledged = false;
    const cut = () => guest.kill('SIGKILL');
    const deadline = setTimeout(cut, LIFE_MS_MAX);
    createInterface({ input: guest.stdout }).on('line', (line) => {
      said.push(line);
      const state = /FOUND (\S+) (.*)/.exec(line);
      if (state) found = { state: state[1], detail: state[2] };
      if (line.includes('PRESSED') && plan?.moment === 'press') setTimeout(cut, plan.afterMs);
      if (line.includes('ACKNOWLEDGED')) {
        acknowledged = true;
        if (plan?.moment === 'acknowledgement') setTimeout(cut, plan.afterMs);
      }
      if (line.includes('FOUND') && plan === null) cut();
    });
    guest.on('exit', () => {
      clearTimeout(deadline);
      if (found === undefined && said.some((line) => line.includes('Kernel panic'))) resolve(null);
      else if (found === undefined)
        reject(new Error(`the guest never told its state:\n${said.slice(-15).join('\n')}`));
      else resolve({ found, acknowledged });
    });
  });
}

async function booted(plan, life) {
  for (let boot = 1; boot <= BOOTS_MAX; boot++) {
    const lived = await live(plan);
    if (lived !== null) return lived;
    console.log(`life ${life}: the emulated kernel died while it booted; once more`);
  }
  throw new Error(`the emulated kernel died ${BOOTS_MAX} times in a row`);
}

console.log(`power cuts: ${count}, seed ${seedText}`);
const disk = path.join(images, DATA);
copyFileSync(path.join(images, 'data.img'), disk);
process.on('exit', () => rmSync(disk, { force: true }));
let expected = 'HALTED';
let before = 'a new box';
let mustBeHalted = 0;
for (let life = 0; life <= Number(count); life++) {
  const moment = life % 2 === 0 ? 'acknowledgement' : 'press';
  const plan = life === Number(count) ? null : { moment, afterMs: Math.round(random() * SPREAD_MS[moment]) };
  const { found, acknowledged } = await booted(plan, life);
  console.log(`life ${life}: came up ${found.state} (${found.detail}) after ${before}`);
  if (expected === 'HALTED' && found.state !== 'HALTED') {
    console.error(`power cuts: an acknowledged halt was lost (seed ${seedText})`);
    process.exit(1);
  }
  if (expected === 'HALTED') mustBeHalted++;
  expected = acknowledged ? 'HALTED' : 'either';
  before = `a cut ${plan?.afterMs} ms after the ${moment}, ${acknowledged ? 'acknowledged' : 'not acknowledged'}`;
}
console.log(`power cuts: halted each of the ${mustBeHalted} times it had to be`);
