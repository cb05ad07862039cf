// Power cuts of the whole image at random moments: `soak.mjs IMAGE DIR CUTS [SEED]`. The card lives through all of them but
// is flashed again at every tenth, so that first boots are cut too. In every third life that gets so far the system is being
// updated (copied into its other root, upgraded, tried) when the plug is pulled. What must hold in each life that is given
// the time: guard and trader run, the settings are those of the owner, and no row the trader has told of is missing.
// QEMU is killed: what the guest had not flushed is lost. The cache of a real card is not simulated.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bootPartitionHolds, filesOn, flash, putOn } from './card.mjs';
import { createSurroundings, SECRET } from './surroundings.mjs';
import { startPi } from './virtual-pi.mjs';

const [image, dir, count = '30', seedText = String(Date.now() % 1_000_000)] = process.argv.slice(2);
const cuts = Number(count);
const card = path.join(dir, 'card.img');
/** A cut falls within this time: twice what a start takes under emulation on two cores. */
const LIFE_MS_MAX = 240_000;
const UPDATE_MS_MAX = 240_000;

let seed = Number(seedText);
/** mulberry32, so that a failure can be tried again with its seed. */
function random() {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
}

const world = await createSurroundings(dir, { speed: '1' });
let known = { rows: 0, machineId: '' };
const tally = { verified: 0, firstBoot: 0, early: 0, running: 0, updating: 0, keptUpdates: 0 };
let pi;

/** Brings a life to where everything can be looked at, and looks; false: the life ended before (a cut, or an update's restart). */
async function verify() {
  await pi.ready(400_000);
  await pi.run(world.carry, { msMax: 300_000 });
  const active = (text) => /^active\nactive/.test(text);
  await pi.until(
    'guard and trader run',
    'systemctl is-active redbutton-guard redbutton; true',
    active,
    400_000,
  );
  const asked = await pi.until(
    'the trader tells of its rows',
    'redbutton query --json "select count(*) as n from candles" 2>&1; true',
    (text) => /"n":"?\d+/.test(text),
    200_000,
  );
  const rows = Number(/"n":"?(\d+)/.exec(asked)[1]);
  const machineId = (await pi.run('cat /etc/machine-id')).trim();
  const secret = await pi.run('cat /etc/redbutton/credentials/mqtt-password');
  const mounted = await pi.run('findmnt -no OPTIONS /data');
  const fsck = await pi.run('cat /run/redbutton-fsck.log');
  if (rows < known.rows) throw new Error(`rows are missing: ${rows}, and ${known.rows} were told of before`);
  if (known.machineId !== '' && machineId !== known.machineId)
    throw new Error('the box is another one: machine-id has changed');
  if (secret !== SECRET) throw new Error('a credential is lost');
  if (!/^rw/.test(mounted)) throw new Error(`/data is ${mounted}`);
  known = { rows, machineId };
  tally.verified++;
  return { rows, repaired: /UNEXPECTED|FIXED|damaged/.test(fsck) };
}

async function life(number) {
  const fresh = number % 10 === 0;
  if (fresh) {
    flash(image, card, 8_000_000_000);
    putOn(card, 'redbutton.toml', world.cardFile);
    known = { rows: 0, machineId: '' };
  }
  const tryboot = pi?.wantsTryboot ?? false;
  pi = await startPi({ card, dir, tryboot });
  const last = number === cuts;
  const cutMs = 2000 + random() * LIFE_MS_MAX;
  const updates = number % 3 === 2;
  const updateMs = random() * UPDATE_MS_MAX;
  let words = '';
  const living = (async () => {
    const found = await verify();
    words = `ran, ${found.rows} rows${found.repaired ? ', file system repaired' : ''}`;
    if (updates && !last) {
      await pi.run('systemd-run --quiet --unit=soak-update redbutton os-update --now --anyway');
      words += ', updating';
      await Promise.race([pi.gone, delay(updateMs)]);
    }
  })();
  if (last) await living;
  else {
    // A life that updates is not cut before.
    const plug = updates
      ? living
      : Promise.race([
          delay(cutMs),
          living.then(() => delay(Math.max(0, cutMs - (performance.now() - pi.startedMs)))),
        ]);
    living.catch(() => {});
    await Promise.race([plug, pi.gone]);
    if (updates) await living;
  }
  const lived = ((performance.now() - pi.startedMs) / 1000).toFixed(0);
  const restarted = pi.ended;
  if (last) await pi.powerOff();
  else if (!restarted) await pi.cut();
  if (!last) {
    if (fresh) tally.firstBoot++;
    if (words.includes('updating')) tally.updating++;
    else if (words === '') tally.early++;
    else tally.running++;
  }
  console.log(
    `life ${number} (system ${pi.slot}${tryboot ? ', on trial' : ''}${fresh ? ', fresh card' : ''}): ${words || 'still starting'}; ${last ? 'ended' : restarted ? 'restarted itself' : 'cut'} after ${lived} s`,
  );
}

console.log(`power cuts: ${cuts}, seed ${seedText}`);
try {
  for (let number = 0; number <= cuts; number++) await life(number);
  if (filesOn(card).includes('redbutton.toml') || bootPartitionHolds(card, SECRET))
    throw new Error('the secret is still on the boot partition');
  console.log(
    `power cuts: ${cuts} (${tally.early} while starting, ${tally.running} while running, ${tally.updating} while updating; ${tally.firstBoot} first boots); ${tally.verified} lives looked at, data intact in each`,
  );
} catch (error) {
  console.error(`power cuts: ${error.message} (seed ${seedText})\n${pi?.said.slice(-3000)}`);
  process.exitCode = 1;
} finally {
  if (pi !== undefined && !pi.ended) await pi.cut();
  world.stop();
}
