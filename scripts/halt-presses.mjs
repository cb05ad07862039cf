#!/usr/bin/env node
// Presses the button of whole boxes, guard and trader in mode live, in networks that fail, and counts by packet capture and
// at the exchange's end of the wire the orders of which bytes came later than the bound. Exit 1 if there is one.
// Usage: scripts/halt-presses.mjs [--presses N] [--bound-ms N] [--conditions A,B] [--gate] [--beside N]
//
//   --presses N       presses in each condition that meet an order, a third each with the trader well, stopped and killed
//                     (default 6); one that meets none is counted by itself, and made again
//   --bound-ms N      bound with the trader running (default 60); more on a machine that is busy with other things
//   --conditions A,B  of closed, connect-0.7, connect-2.5, lost, tls, proxy (default: all); A:N makes N presses in A
//   --gate            with the gate in the kernel (default: without)
//   --beside N        conditions at the same time, each a box in a network of its own (default 1)
//
// Needs root, unshare, ip, nft and tcpdump: it runs in networks of its own. With the trader stopped or killed the bound is
// 1 s without the gate in the kernel, and the same as with the trader running with it. Bytes that leave the box count, also
// where they are lost on the way.
import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileSources } from './compile-sources.mjs';
import { pressTable } from './press-table.mjs';
import { readOptions } from './usage.mjs';

const CONDITIONS = ['closed', 'connect-0.7', 'connect-2.5', 'lost', 'tls', 'proxy'];
/** A box that fails is told, and another one continues with what is left, until so many in a row came to no press. */
const VAIN_BOXES_MAX = 3;
const { values } = readOptions(import.meta.url, {
  options: {
    presses: { type: 'string', default: '6' },
    'bound-ms': { type: 'string', default: '60' },
    conditions: { type: 'string', default: CONDITIONS.join(',') },
    gate: { type: 'boolean', default: false },
    beside: { type: 'string', default: '1' },
  },
});
const asked = values.conditions.split(',').map((each) => each.split(':'));
const names = asked.map(([name]) => name);
const pressesOf = new Map(asked.map(([name, presses]) => [name, Number(presses ?? values.presses)]));
const unknown = names.find((name) => !CONDITIONS.includes(name));
const numbers = ['presses', 'bound-ms', 'beside'];
const counts = [...numbers.map((name) => Number(values[name])), ...pressesOf.values()];
if (unknown !== undefined || !counts.every((count) => count > 0)) {
  const what =
    unknown === undefined ? `--${numbers.join(', --')} take a number` : `no condition "${unknown}"`;
  process.stderr.write(`halt-presses: ${what}; see --help\n`);
  process.exit(2);
}
const missing = ['unshare', 'ip', 'nft', 'tcpdump'].find(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0,
);
if (process.getuid() !== 0 || missing !== undefined) {
  process.stderr.write(
    'this needs root, unshare, ip, nft and tcpdump, for networks of its own: run it with sudo, apt install nftables iproute2 tcpdump\n',
  );
  process.exit(2);
}

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
process.env.REDBUTTON_ROOT = root;
const source = 'test/guard/halt-presses.ts';
const boxSource = 'test/guard/live-box.ts';
const compiled = compileSources([source, boxSource]);
const { buildBox } = await import(compiled.file(boxSource));
const { modelDir, remove } = buildBox();
const startedMs = performance.now();
const pressed = [];
let failures = 0;

function tell(press) {
  pressed.push(press);
  const ms = (value) => (value === null ? 'none' : `${value.toFixed(1)} ms`);
  const said = [
    `last packet ${ms(press.packetMs)}, last read ${ms(press.readMs)}`,
    press.met === 'none' ? 'met no order' : `met an order, ${press.met}`,
    `the guard was halted after ${press.haltedMs} ms${press.endedMs === null ? '' : ` and the trader at its end after ${press.endedMs} ms`}`,
    `${press.tookMs} ms, ${press.waitedMs} of them for an order`,
  ];
  if (press.late > 0) said.unshift(`LATE ${press.late} (${press.latePackets.join('; ')})`);
  if (press.contradiction !== null) said.unshift(`CONTRADICTION: ${press.contradiction}`);
  process.stderr.write(`${pressed.length} ${press.condition} ${press.trader}: ${said.join(', ')}\n`);
}

/** A box and its presses; resolves with how many of them count. */
async function runBox(condition, from) {
  const options = {
    condition,
    from,
    presses: pressesOf.get(condition) - from,
    boundMs: Number(values['bound-ms']),
    gate: values.gate,
    modelDir,
  };
  const child = spawn('unshare', ['-n', process.execPath, compiled.file(source), JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let counted = 0;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const press = JSON.parse(line);
    if (press.met !== 'none') counted++;
    tell(press);
  });
  const code = await new Promise((resolve) => child.on('close', resolve));
  if (code !== 0) {
    failures++;
    process.stderr.write(`${condition}: the box ended early, with exit code ${code}\n`);
  }
  return counted;
}

const left = [...names];
async function runSome() {
  for (let condition = left.shift(); condition !== undefined; condition = left.shift()) {
    let counted = 0;
    for (let vain = 0; counted < pressesOf.get(condition) && vain < VAIN_BOXES_MAX; ) {
      const more = await runBox(condition, counted);
      vain = more > 0 ? 0 : vain + 1;
      counted += more;
    }
  }
}
try {
  await Promise.all(Array.from({ length: Number(values.beside) }, runSome));
} finally {
  remove();
  compiled.remove();
}

const { table, sums } = pressTable(names, pressed);
process.stdout.write(table);
const hours = ((performance.now() - startedMs) / 3_600_000).toFixed(2);
process.stdout.write(
  `${sums.counted} presses in ${hours} hours: ${sums.late} orders with a byte later than the bound\n`,
);
if (sums.contradictions > 0)
  process.stdout.write(`CONTRADICTIONS between capture and exchange: ${sums.contradictions}\n`);
if (failures > 0) process.stdout.write(`boxes that ended early: ${failures}\n`);
const wanted = [...pressesOf.values()].reduce((sum, presses) => sum + presses, 0);
const complete = sums.counted === wanted;
if (!complete) process.stdout.write(`of ${wanted} presses that were asked for\n`);
process.exit(complete && failures === 0 && sums.late === 0 && sums.contradictions === 0 ? 0 : 1);
