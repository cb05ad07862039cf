#!/usr/bin/env node
// Presses the button of a whole box, guard and trader in mode live, in a network that fails, and counts at the exchange's
// end of the wire the orders of which bytes came later than the bound. Exit 1 if there is one.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compileSources } from './compile-sources.mjs';

const CONDITIONS = ['closed', 'connect-0.7', 'connect-2.5', 'lost', 'tls', 'proxy'];
const HELP = `Usage: scripts/halt-presses.mjs [--presses N] [--bound-ms N] [--conditions A,B]

  --presses N       presses in each condition, a third each with the trader well, stopped and killed (default 6)
  --bound-ms N      bound with the trader running (default 60); more on a machine that is busy with other things
  --conditions A,B  of ${CONDITIONS.join(', ')} (default: all)

Needs root, unshare, ip and nft: it runs in a network of its own. With the trader stopped or killed the bound is 1 s, as
without the gate in the kernel.
`;
const { values } = parseArgs({
  options: {
    presses: { type: 'string', default: '6' },
    'bound-ms': { type: 'string', default: '60' },
    conditions: { type: 'string', default: CONDITIONS.join(',') },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const names = values.conditions.split(',');
const unknown = names.find((name) => !CONDITIONS.includes(name));
if (unknown !== undefined || !(Number(values.presses) > 0) || !(Number(values['bound-ms']) > 0)) {
  process.stderr.write(
    `${unknown === undefined ? '--presses and --bound-ms take a number' : `no condition "${unknown}"`}\n\n${HELP}`,
  );
  process.exit(2);
}
if (process.getuid() !== 0 || spawnSync('unshare', ['-n', 'nft', '--version']).status !== 0) {
  process.stderr.write(
    'this needs root, unshare and nft, for a network of its own: run it with sudo, apt install nftables\n',
  );
  process.exit(2);
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const source = 'test/guard/halt-presses.ts';
const compiled = compileSources([source]);
const startedMs = performance.now();
const child = spawn(
  'unshare',
  ['-n', process.execPath, compiled.file(source), values.presses, values['bound-ms'], ...names],
  {
    env: { ...process.env, REDBUTTON_ROOT: root },
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
const pressed = [];
createInterface({ input: child.stdout }).on('line', (line) => {
  const press = JSON.parse(line);
  pressed.push(press);
  const { condition, trader, late, latestMs, met, tookMs } = press;
  const latest = latestMs === null ? 'none' : `${latestMs.toFixed(0)} ms`;
  const what = [`latest byte ${latest}`, met ? 'met an order' : 'met no order', `${tookMs} ms`];
  process.stderr.write(
    `${pressed.length} ${condition} ${trader}: ${late > 0 ? `LATE ${late}, ` : ''}${what.join(', ')}\n`,
  );
});
const code = await new Promise((resolve) => child.on('close', resolve));
compiled.remove();

const row = (...cells) =>
  cells.map((cell, i) => (i === 0 ? String(cell).padEnd(12) : String(cell).padStart(18))).join('');
process.stdout.write(
  `${row('condition', 'trader', 'presses', 'met an order', 'late orders', 'latest byte (ms)')}\n`,
);
for (const condition of names) {
  for (const trader of ['well', 'stopped', 'killed']) {
    const mine = pressed.filter((each) => each.condition === condition && each.trader === trader);
    const latest = Math.max(...mine.map(({ latestMs }) => latestMs ?? 0));
    const late = mine.reduce((sum, each) => sum + each.late, 0);
    const met = mine.filter((each) => each.met).length;
    process.stdout.write(
      `${row(condition, trader, mine.length, met, late, latest > 0 ? latest.toFixed(0) : 'none')}\n`,
    );
  }
}
const late = pressed.reduce((sum, each) => sum + each.late, 0);
const hours = ((performance.now() - startedMs) / 3_600_000).toFixed(2);
process.stdout.write(
  `${pressed.length} presses in ${hours} hours: ${late} orders with a byte later than the bound\n`,
);
if (code !== 0) process.stderr.write(`it ended early, with exit code ${code}\n`);
process.exit(code === 0 && late === 0 ? 0 : 1);
