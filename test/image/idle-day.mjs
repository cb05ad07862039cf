// How much a day of bars writes to the data partition: `idle-day.mjs IMAGE DIR`. Two figures are measured on the whole image,
// by the kernel's own count of the partition's sectors: what standing still costs (no bar closes), and what each bar costs,
// with more time between bars than any cache holds data back. A day is 24 hours of the one and its bars of the other.
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { flash, putOn } from './card.mjs';
import { createSurroundings } from './surroundings.mjs';
import { startPi } from './virtual-pi.mjs';

const [image, dir, stillText = '240', barsText = '6'] = process.argv.slice(2);
const STILL_S = Number(stillText);
const BARS = Number(barsText);
/** The file system holds data back for 30 s (commit=30), the kernel for as long (vm.dirty_expire_centisecs). */
const BAR_S = 40;
const LIMIT_MB = 150;

const card = path.join(dir, 'card.img');
const world = await createSurroundings(dir, { speed: '0' });
let pi;
try {
  flash(image, card, 8_000_000_000);
  putOn(card, 'redbutton.toml', world.cardFile);
  pi = await startPi({ card, dir });
  await pi.ready(400_000);
  await pi.run(world.carry);
  await pi.until(
    'guard and trader run',
    'systemctl is-active redbutton-guard redbutton; true',
    (text) => /^active\nactive/.test(text),
    400_000,
  );
  await delay(60_000);
  const written = async () => {
    const [sectors, ...rest] = (await pi.run(`awk '{ print $7 }' /sys/block/vda/vda3/stat; cat /proc/uptime`))
      .trim()
      .split(/\s+/)
      .map(Number);
    return { mb: (sectors * 512) / 1e6, seconds: rest[0] };
  };
  const per = (from, to) => ({ mb: to.mb - from.mb, seconds: to.seconds - from.seconds });
  const first = await written();
  await delay(STILL_S * 1000);
  const second = await written();
  const still = per(first, second);
  const stillMbPerHour = (still.mb / still.seconds) * 3600;
  for (let bar = 0; bar < BARS; bar++) {
    await world.step();
    await delay(BAR_S * 1000);
  }
  const third = await written();
  const busy = per(second, third);
  const perBarMb = Math.max(0, busy.mb - (stillMbPerHour / 3600) * busy.seconds) / BARS;
  const day = (bars) => stillMbPerHour * 24 + perBarMb * bars;
  console.log(
    `idle day: standing still ${stillMbPerHour.toFixed(2)} MB an hour (${still.mb.toFixed(2)} MB in ${still.seconds.toFixed(0)} s), a bar ${(perBarMb * 1000).toFixed(0)} kB (${BARS} bars, one each ${BAR_S} s)`,
  );
  for (const [name, bars] of [
    ['1 h', 24],
    ['15 min', 96],
    ['1 min', 1440],
  ]) {
    console.log(`idle day: ${day(bars).toFixed(0)} MB with bars of ${name}`);
  }
  const rows = await pi.run(
    'redbutton query --json "select count(*) as n from candles" 2>&1; ls -la /data/state/redbutton; ps -eo pid,comm,args | head -60 >/dev/null; for p in $(pgrep -x node) 1; do echo $p $(tr "\\0" " " </proc/$p/cmdline | cut -c1-60) $(grep write_bytes /proc/$p/io | head -n 1); done',
  );
  console.log(rows.trim());
  if (day(24) > LIMIT_MB) {
    console.error(`idle day: more than the limit of ${LIMIT_MB} MB`);
    process.exitCode = 1;
  }
} finally {
  if (pi !== undefined && !pi.ended) await pi.cut();
  world.stop();
}
