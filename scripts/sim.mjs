#!/usr/bin/env node
// The seeded simulation: trading months of the whole pipeline against the simulated exchange, with every fault on.
// Usage: npm run sim -- [--seeds 300] [--from SEED | --fresh DATE] [--bars 720] [--workers 2] [--trace] [--first-only]
//   --from SEED    the first seed (default: 1)
//   --fresh DATE   seeds of this day (as 2026-11-28) that no other day has
//   --trace        what happened in a seed, a line each, with its time, on standard error
//   --first-only   end with the first seed that fails
//   --sources DIR  from here the sources are taken (for scripts/mutate.mjs)
// Exit 0 when every promise held in every seed; a failed seed is printed with the command that replays it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { compileSources } from './compile-sources.mjs';
import { readOptions } from './usage.mjs';

const { values } = readOptions(import.meta.url, {
  options: {
    seeds: { type: 'string', default: '300' },
    from: { type: 'string' },
    // Seeds of this day (UTC, as 2026-11-28): no two days share any, so that nights go on finding what the usual ones do not.
    fresh: { type: 'string' },
    bars: { type: 'string', default: '720' },
    workers: { type: 'string', default: '2' },
    // What happens goes to standard error, a line for each event, order, fill and state.
    trace: { type: 'boolean', default: false },
    // From here the sources are taken; end with the first failed seed. Both for scripts/mutate.
    sources: { type: 'string' },
    'first-only': { type: 'boolean', default: false },
  },
});
const SEEDS_A_DAY = 1_000_000;
const whole = (name) => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value > 0) return value;
  console.error(`--${name} ${values[name]} is no number: give a whole number above 0`);
  process.exit(2);
};
const [seeds, bars] = [whole('seeds'), whole('bars')];
const from = firstSeed();

function firstSeed() {
  if (values.fresh === undefined) return values.from === undefined ? 1 : whole('from');
  const days = Date.parse(`${values.fresh}T00:00:00Z`) / 86_400_000;
  if (!Number.isSafeInteger(days) || values.from !== undefined) {
    console.error(`--fresh ${values.fresh} is no date: give a day as 2026-11-28, and no --from beside it`);
    process.exit(2);
  }
  const first = days * SEEDS_A_DAY + 1;
  console.log(`seeds of ${values.fresh}: ${first} to ${first + seeds - 1}`);
  return first;
}
const workers = Math.min(whole('workers'), seeds);

/**
 * Most of a month's garbage is young: a larger nursery is emptied less often, with less alive in it each time. Months call
 * thousands of functions, few of them often: all are compiled quickly and at once, and none is thrown away between.
 */
const ENGINE = ['--max-semi-space-size=32', '--always-sparkplug', '--no-flush-bytecode'];

const startedMs = performance.now();
const compiled = compileSources(['test/sim/months.ts'], values.sources);
const children = [];
const failed = [];
const totals = {};
let done = 0;
let slowestMs = 0;
let totalMs = 0;
let totalCpuMs = 0;

function take(line) {
  const { seed, flaws, counts, tookMs, cpuMs } = JSON.parse(line);
  done++;
  totalMs += tookMs;
  totalCpuMs += cpuMs;
  slowestMs = Math.max(slowestMs, tookMs);
  for (const [name, count] of Object.entries(counts)) totals[name] = (totals[name] ?? 0) + count;
  if (flaws.length > 0) {
    failed.push(seed);
    console.error(`\nseed ${seed}: npm run sim -- --seeds 1 --from ${seed} --bars ${bars}`);
    for (const flaw of flaws.slice(0, 8)) console.error(`  ${flaw}`);
    if (flaws.length > 8) console.error(`  and ${flaws.length - 8} more`);
  }
  if (values['first-only'] && failed.length > 0) for (const child of children) child.kill();
  if (process.stdout.isTTY) process.stdout.write(`\r${done} of ${seeds} seeds, ${failed.length} failed `);
  else if (done % 500 === 0) console.log(`${done} of ${seeds} seeds, ${failed.length} failed`);
}

async function run(worker) {
  const count = Math.ceil((seeds - worker) / workers);
  const args = [
    compiled.file('test/sim/months.ts'),
    from + worker,
    count,
    workers,
    bars,
    ...(values.trace ? ['trace'] : []),
  ].map(String);
  const child = spawn(process.execPath, [...ENGINE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const ended = new Promise((resolve) => child.on('close', resolve));
  for await (const line of createInterface({ input: child.stdout })) take(line);
  return ended;
}

try {
  const codes = await Promise.all(Array.from({ length: workers }, (_, worker) => run(worker)));
  if (process.stdout.isTTY) process.stdout.write('\n');
  const seconds = (performance.now() - startedMs) / 1000;
  const figures = Object.entries(totals).map(([name, count]) => `${count} ${name}`);
  console.log(
    `${done} seeds of ${bars} bars and 3 symbols in ${seconds.toFixed(1)} s: ${figures.join(', ')}`,
  );
  console.log(
    `a month took ${(totalMs / done).toFixed(0)} ms on average, ${slowestMs.toFixed(0)} ms at most, and ${(totalCpuMs / done).toFixed(0)} ms of processor`,
  );
  console.log(
    failed.length === 0
      ? 'every promise was kept in every seed'
      : `${failed.length} seeds failed: ${failed.slice(0, 20).join(', ')}`,
  );
  process.exitCode = failed.length === 0 && done === seeds && codes.every((code) => code === 0) ? 0 : 1;
} finally {
  compiled.remove();
}
