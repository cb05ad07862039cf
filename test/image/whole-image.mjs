// The whole image, as an owner has it: `whole-image.mjs IMAGE DIR`. Flashes it on a card of 8 GB, starts it in QEMU first with
// a settings file full of mistakes, then with a good one; lets it trade, presses its button, starts it again, and looks at
// everything the README promises of it. Prints a line a finding, and ends with 1 where one does not hold.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bootPartitionHolds, filesOn, flash, putOn, readOn } from './card.mjs';
import { createSurroundings, freePort, SECRET } from './surroundings.mjs';
import { startPi } from './virtual-pi.mjs';

const [image, dir] = process.argv.slice(2);
const card = path.join(dir, 'card.img');
const began = performance.now();
let failures = 0;
const say = (text) => console.log(`[${Math.round((performance.now() - began) / 1000)} s] ${text}`);
function check(what, holds, detail = '') {
  say(`${holds ? 'ok    ' : 'FAILED'} ${what}${detail === '' ? '' : ` (${detail})`}`);
  if (!holds) failures++;
}
const unitState = (pi) => pi.run('systemctl is-active redbutton-guard redbutton; true');
/** From the kernel's start to systemd's, and from there to a line of the guard's journal. */
async function armedAfter(pi) {
  const systemd = Number(await pi.run('systemctl show -p UserspaceTimestampMonotonic --value')) / 1e6;
  const line = await pi.run(
    `journalctl -b -u redbutton-guard -o short-monotonic | grep '"kind":"active"' | head -n 1`,
  );
  const armed = Number(/\[\s*([\d.]+)/.exec(line)?.[1]);
  return { kernelSeconds: systemd, seconds: armed - systemd };
}
async function eventually(what, holds, msMax) {
  const endMs = performance.now() + msMax;
  while (!holds()) {
    if (performance.now() > endMs) throw new Error(`${what} did not happen in ${msMax / 1000} s`);
    await delay(200);
  }
}
/** The act of arming: two presses, the second no sooner than 2 s after the first is let go. */
async function pressTwice(pi) {
  for (const waitMs of [2500, 0]) {
    await pi.press();
    await delay(1000);
    await pi.release();
    await delay(waitMs);
  }
}

const world = await createSurroundings(dir);
let pi;
try {
  flash(image, card, 8_000_000_000);
  const sshPort = await freePort();

  // ── mistakes ────────────────────────────────────────────────────────────────────────────────────────────────────
  say('first start, with mistakes in redbutton.toml');
  putOn(
    card,
    'redbutton.toml',
    world.cardFile.replace('Europe/Berlin', 'Europe/Berln').replace('BTC/USDT', 'bitcoin'),
  );
  pi = await startPi({ card, dir, forwards: { 22: sshPort } });
  await pi.ready();
  await pi.until(
    'first boot ends',
    'systemctl is-failed redbutton-first-boot; true',
    (text) => text.trim() === 'failed',
  );
  await pi.until(
    'the LED is driven',
    'systemctl is-active redbutton-settings-fault; true',
    (text) => text.trim() === 'active',
  );
  check(
    'guard and trader do not start',
    (await unitState(pi))
      .trim()
      .split('\n')
      .every((state) => state === 'inactive'),
    (await unitState(pi)).trim().replace('\n', ', '),
  );
  await delay(8000);
  const spans = await pi.watchLed(8);
  const lit = spans.filter(({ level }) => level === 1).map(({ seconds }) => seconds);
  const dark = spans.filter(({ level }) => level === 0).map(({ seconds }) => seconds);
  const short = dark.filter((seconds) => seconds < 0.6).length;
  // A period is 1.5 s: 150 ms lit, 150 dark, 150 lit, 1050 dark; emulation makes it less even.
  check(
    'the LED blinks twice and twice again',
    lit.length >= 8 &&
      lit.length <= 12 &&
      Math.abs(short - (dark.length - short)) <= 1 &&
      Math.max(...lit) < 0.6,
    `in 8 s: lit ${lit.map((seconds) => seconds.toFixed(2)).join(' ')}, dark ${dark.map((seconds) => seconds.toFixed(2)).join(' ')}`,
  );
  check('the console says what is wrong', /box\.timeZone: expected a time zone/.test(pi.said));
  check('no port is open but mDNS and DHCP', !/:22\b/.test(await pi.run('ss -Hlntu')));
  await pi.powerOff();
  const errors = readOn(card, 'redbutton-errors.txt');
  check(
    'redbutton-errors.txt on the card names both mistakes',
    errors.includes('box.timeZone') && errors.includes('exchange[0].symbols[0]'),
  );
  check('redbutton.toml is left for its owner to repair', filesOn(card).includes('redbutton.toml'));

  // ── first boot ──────────────────────────────────────────────────────────────────────────────────────────────────
  say('start with a good redbutton.toml');
  putOn(card, 'redbutton.toml', world.cardFile);
  pi = await startPi({ card, dir, forwards: { 22: sshPort } });
  await pi.ready();
  await pi.run(world.carry, { msMax: 300_000 });
  await pi.until(
    'both services are active',
    'systemctl is-active redbutton-guard redbutton; true',
    (text) => /^active\nactive/.test(text),
    300_000,
  );
  check(
    'guard and trader are active',
    true,
    `${Math.round((performance.now() - pi.startedMs) / 1000)} s after power-on`,
  );
  check(
    'host name, time zone and machine id are set',
    /^kitchen\n.*Berlin\n[0-9a-f]{32}/s.test(
      await pi.run('hostname; readlink /etc/localtime; cat /etc/machine-id'),
    ),
  );
  check(
    'the root is read-only below and memory above',
    /overlay/.test(await pi.run('findmnt -no FSTYPE /')) &&
      /\bro\b/.test(await pi.run('findmnt -no OPTIONS /run/redbutton-root/below')),
  );
  const parts = await pi.run('lsblk -bnro NAME,SIZE /dev/vda; df -B1M --output=size /data | tail -n 1');
  check(
    'the data partition has grown, and there is a second root',
    /vda4 2684354560/.test(parts) && Number(parts.trim().split('\n').at(-1)) > 1500,
    parts.trim().replaceAll('\n', ', '),
  );
  const records = (
    await pi.run(
      'findmnt -no FSTYPE,OPTIONS /var/lib/redbutton-record; losetup -nlO BACK-FILE,SIZELIMIT; stat -c "%s %a %U" /var/lib/redbutton-record/armed; stat -c %d /var/lib/redbutton-record/armed /var/lib/redbutton-guard',
    )
  )
    .trim()
    .split('\n');
  check(
    "the halt's second record is on a partition of its own, outside the four of the table",
    /^ext4 .*noexec/.test(records[0]) &&
      /^\/dev\/vda +8388608$/.test(records[1]) &&
      records[2] === '4096 600 redbutton-guard' &&
      records[3] !== records[4],
    records.join(', '),
  );
  const recorded = await pi.run('cat /var/lib/redbutton-record/armed | head -n 1');
  check(
    'the guard has written that a new box is halted there, too',
    /"armed":false/.test(recorded),
    recorded,
  );
  check(
    'the doctor finds the second record',
    /^ok +second record/m.test(await pi.run('redbutton doctor --quick; true')),
  );
  check(
    'the clock is synchronised',
    (
      await pi.until(
        'the clock',
        'ls /run/systemd/timesync/synchronized 2>&1',
        (text) => !/No such/.test(text),
      )
    ).length > 0,
  );
  check(
    'zram is the only swap',
    /^\/dev\/zram0/.test((await pi.run('cat /proc/swaps')).split('\n')[1] ?? ''),
  );
  check(
    'the watchdog is in use',
    /Using hardware watchdog|watchdog hardware timeout|Watchdog running/.test(
      await pi.run('journalctl -b _PID=1 | grep -i watchdog; dmesg | grep -i watchdog; true'),
    ),
  );
  const key = [
    '-i',
    world.key,
    '-p',
    String(sshPort),
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'UserKnownHostsFile=/dev/null',
    '-o',
    'LogLevel=ERROR',
  ];
  const ssh = (...words) =>
    execFileSync('ssh', [...key, '-o', 'BatchMode=yes', 'owner@127.0.0.1', ...words], {
      encoding: 'utf8',
      timeout: 120_000,
    });
  check(
    'the owner logs in with the key, and redbutton is on the path',
    /redbutton \d/.test(ssh('redbutton --version')),
  );
  let refused = '';
  try {
    execFileSync(
      'ssh',
      [...key.slice(2), '-o', 'BatchMode=yes', '-o', 'PubkeyAuthentication=no', 'owner@127.0.0.1', 'true'],
      { encoding: 'utf8', stdio: 'pipe' },
    );
  } catch (error) {
    refused = error.stderr;
  }
  check('nobody logs in without it', /Permission denied \(publickey\)/.test(refused), refused.trim());
  const ports = (await pi.run(`ss -Hlntu | awk '{print $1, $5}'`))
    .trim()
    .split('\n')
    .filter((line) => !/127\.0\.0\.|\[::1\]/.test(line));
  check(
    'nothing else listens',
    ports.every((line) => /:(22|5353|68|546)$/.test(line.replace(/%\w+/, ''))),
    ports.join(', '),
  );
  check(
    "the secrets are root's alone",
    /^600 root/.test(await pi.run('stat -c "%a %U" /etc/redbutton/credentials/mqtt-password')),
  );
  check(
    'no unit failed',
    /^0 loaded/m.test(await pi.run('systemctl --failed')),
    (await pi.run('systemctl --failed --plain --no-legend')).trim(),
  );

  // ── trading ─────────────────────────────────────────────────────────────────────────────────────────────────────
  await pi.until('the contact is seen', 'redbutton status --json; true', (text) =>
    /"contact":"released"/.test(text),
  );
  check('a new box is halted', /"state":"HALTED"/.test(await pi.run('redbutton status --json; true')));
  ssh('redbutton resume');
  await pressTwice(pi);
  await pi.until('the box is armed', 'redbutton status --json; true', (text) => /"armed":true/.test(text));
  await eventually('a fill reaches the phone', () => world.heard().includes('ORDER_FILLED'), 300_000);
  check('armed by its button, it trades on paper, and the phone hears of it', true);
  const pressedMs = performance.now();
  await pi.press();
  await eventually(
    'the halt reaches the phone',
    () => world.heard().includes('"HALTED"') && world.heard().includes('HALT_CONFIRMED'),
    60_000,
  );
  check(
    'the button halts, and the phone hears of it',
    true,
    `${Math.round(performance.now() - pressedMs)} ms after the press`,
  );
  // Alerts of fills before the press may still be on their way: the store knows.
  const fills = () => pi.run('redbutton query --json "select count(*) as n from fills" 2>&1');
  const before = await fills();
  await delay(10_000);
  const after = await fills();
  check('nothing is bought after that', /"n":"?\d+/.test(before) && after === before, after.trim());

  // ── again ───────────────────────────────────────────────────────────────────────────────────────────────────────
  await pi.release();
  await delay(1000);
  ssh('redbutton resume');
  await pressTwice(pi);
  await pi.until('the box is armed again', 'redbutton status --json; true', (text) =>
    /"armed":true/.test(text),
  );
  const memory = await pi.run(
    'free -m | sed -n 2p; systemctl show -p MemoryCurrent --value redbutton redbutton-guard',
  );
  say(`memory: ${memory.trim().replaceAll('\n', ' · ')}`);
  await pi.powerOff();
  check(
    'redbutton.toml is gone from the card, and its mistakes too',
    !filesOn(card).some((name) => ['redbutton.toml', 'redbutton-errors.txt'].includes(name)),
    filesOn(card)
      .filter((name) => /redbutton/.test(name))
      .join(', '),
  );
  check('no sector of the boot partition holds the secret', !bootPartitionHolds(card, SECRET));
  say('second start');
  pi = await startPi({ card, dir, forwards: { 22: sshPort } });
  await pi.ready();
  await pi.run(world.carry, { msMax: 300_000 });
  await pi.until(
    'the box is armed by itself',
    'redbutton status --json; true',
    (text) => /"armed":true/.test(text),
    300_000,
  );
  const both = await pi.run('head -n 1 /var/lib/redbutton-record/armed /var/lib/redbutton-guard/armed');
  check(
    'the arming is in both records after a power-off',
    both.match(/"armed":true.*"inBoth":true/g)?.length === 2,
    both.trim().replaceAll('\n', ' '),
  );
  const { kernelSeconds, seconds } = await armedAfter(pi);
  check(
    'it comes up armed as it was',
    true,
    `${seconds.toFixed(1)} s from systemd's start to armed under emulation; kernel and ramdisk before that ${kernelSeconds.toFixed(1)} s`,
  );
  await pi.powerOff();
} catch (error) {
  check('the run came to its end', false, error.message);
  if (pi !== undefined && !pi.ended) {
    say(
      await pi
        .run('systemctl --failed --plain --no-legend; journalctl -b -n 60 --no-pager')
        .catch((why) => `${why.message}\n${pi.said.slice(-4000)}`),
    );
  }
} finally {
  if (pi !== undefined && !pi.ended) await pi.cut();
  world.stop();
}
say(failures === 0 ? 'image: all of it held' : `image: ${failures} findings`);
process.exitCode = failures === 0 ? 0 : 1;
