// Boots the virtual Pi, lets it run its tests, shows what they say, and ends as they ended: `guest-tests.mjs IMAGE_DIR
// [all|short [FILE [SECONDS]]]`, FILE being in the names of the tests that are run, the seconds (1800) the time it has.
import { spawn } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { qemuArguments } from './qemu.mjs';

const [images, howMuch = 'all', only = '', seconds = '1800'] = process.argv.slice(2);
const MS_MAX = Number(seconds) * 1_000;
const RUN = `env,REDBUTTON_DEVICE_TEST=${howMuch},node,node_modules/vitest/vitest.mjs,run,--config,test/device/guest/vitest-guest.ts${only && `,${only}`}`;

/** The emulated kernel itself dies now and then while it boots, which says nothing of what is tested. */
const BOOTS_MAX = 3;
const disk = path.join(images, 'data-of-tests.img');

/** Stops the guest's processors for a while, as a host does that sleeps: time continues for its wall clock alone. */
function standStill(monitor, ms) {
  const talk = connect(monitor);
  const say = (command) => talk.write(`${JSON.stringify({ execute: command })}\n`);
  talk.on('error', (error) => console.error(`device-test: QEMU's monitor: ${error.message}`));
  talk.resume();
  say('qmp_capabilities');
  say('stop');
  setTimeout(() => {
    say('cont');
    talk.end();
  }, ms);
}

/** One life of the guest: its exit code; null where its kernel died before anything was tested. */
function boot() {
  copyFileSync(path.join(images, 'data.img'), disk);
  const monitor = path.join(images, 'monitor.sock');
  const guest = spawn('qemu-system-x86_64', qemuArguments(images, RUN, 'data-of-tests.img', monitor), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const deadline = setTimeout(() => {
    console.error(`device-test: the guest did not end in ${MS_MAX / 1000} s`);
    guest.kill('SIGKILL');
  }, MS_MAX);
  let code = 1;
  let isUp = false;
  let died = false;
  createInterface({ input: guest.stdout }).on('line', (line) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a serial console speaks in them.
    console.log(line.replace(/\x1b\[[0-9;?]*[a-zA-Z]|\x1bc/g, ''));
    if (line.includes('virtual Pi: Linux')) isUp = true;
    if (line.includes('Kernel panic')) died = true;
    const pause = /virtual Pi: pause (\d+) ms/.exec(line);
    if (pause) standStill(monitor, Number(pause[1]));
    const ended = /virtual Pi: exit (\d+)/.exec(line);
    if (ended) code = Number(ended[1]);
  });
  return new Promise((resolve) => {
    guest.on('close', () => {
      clearTimeout(deadline);
      resolve(died && !isUp ? null : code);
    });
  });
}

let code = null;
for (let boots = 1; code === null && boots <= BOOTS_MAX; boots++) {
  code = await boot();
  if (code === null) console.log('device-test: the emulated kernel died while it booted; once more');
}
process.exitCode = code ?? 1;
