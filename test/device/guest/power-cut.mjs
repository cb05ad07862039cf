// One life of the box for test/device/power-cuts.mjs: says what state the guard came up in, arms it by hand, presses, and
// says when the halt was acknowledged. Then it waits for the power to be cut.
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

const BUTTON = 5;
const platform = '/sys/devices/platform';
const device = readdirSync(platform).find((name) => name.startsWith('gpio-sim.'));
const chip = readdirSync(`${platform}/${device}`).find((name) => /^gpiochip\d+$/.test(name));
const move = (pressed) =>
  writeFileSync(`${platform}/${device}/${chip}/sim_gpio${BUTTON}/pull`, pressed ? 'pull-up' : 'pull-down');

function ask(method, path) {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: '/run/redbutton/guard/control.sock', method, path }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(JSON.parse(text)));
    });
    asked.on('error', reject);
    asked.end();
  });
}
async function until(isSo) {
  while (!(await isSo())) await delay(5);
}

mkdirSync('/run/redbutton', { recursive: true });
move(false);
const guard = spawn(
  'node',
  [
    'dist/main.js',
    'guard',
    '--run-dir',
    '/run/redbutton',
    '--state-dir',
    '/var/lib/redbutton',
    '--gpio',
    'onoff',
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let output = '';
guard.stdout.on('data', (chunk) => {
  output += chunk;
});
await until(() => output.includes('"ready"'));
const found = await ask('GET', '/status');
console.log(`FOUND ${found.state} ${found.halt?.cause ?? 'armed'}`);
await until(async () => (await ask('GET', '/status')).contact === 'released');
if (found.state === 'HALTED') {
  await ask('POST', '/resume');
  for (const waitMs of [2200, 0]) {
    move(true);
    await until(async () => (await ask('GET', '/status')).contact === 'pressed');
    move(false);
    await until(async () => (await ask('GET', '/status')).contact === 'released');
    await delay(waitMs);
  }
  await until(async () => (await ask('GET', '/status')).state !== 'HALTED');
}
console.log('PRESSED');
move(true);
await until(async () => (await ask('GET', '/status')).halt?.recorded === true);
console.log('ACKNOWLEDGED');
