// Gathers every figure of the project in one run. Each part is a script of its own and says what its peer or limit is; a part
// that this version has not got is left out, and said so.
// Usage: node scripts/bench.mjs [PART]... [--quick] [--json] [--out FILE]
// Needs `npm run build`; scripts/bench does that first. Exit 1 when a target is missed or a part failed.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { readOptions } from './usage.mjs';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const PARTS = [
  { name: 'features', script: 'bench-features.mjs', quick: ['--rows', '100000', '--runs', '3'] },
  { name: 'training and inference', script: 'bench-forest.mjs', quick: ['--runs', '2'] },
  { name: 'backtest', script: 'bench-backtest.mjs', quick: ['--bars', '100000'] },
  { name: 'ingest', script: 'bench-store.mjs', quick: ['--quick'] },
  { name: 'retraining beside the bars', script: 'bench-retrain.mjs', quick: ['--quick'] },
  { name: 'guard', script: 'bench-guard.mjs', quick: ['--quick'] },
  { name: 'orders', script: 'bench-orders.mjs', quick: ['--quick'] },
  { name: 'alerts', script: 'bench-alerts.mjs', quick: ['--quick'] },
];

/** Runs one part in a process of its own; its figures are the last line it prints. */
function runPart({ name, script, quick }, isQuick) {
  if (!existsSync(at(script))) return { name, missing: true, results: [] };
  const from = process.hrtime.bigint();
  const child = spawnSync(process.execPath, [at(script), '--json', ...(isQuick ? quick : [])], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 26,
  });
  const seconds = Number(process.hrtime.bigint() - from) / 1e9;
  try {
    return { name, seconds, ...JSON.parse(child.stdout.trim().split('\n').at(-1)) };
  } catch {
    return { name, seconds, failed: `ended with ${child.status ?? child.signal}`, results: [] };
  }
}

/** What a person waits for when the program starts, against Node itself. */
function startUp(runs) {
  const median = (args) => {
    const took = Array.from({ length: runs }, () => {
      const from = process.hrtime.bigint();
      spawnSync(process.execPath, args, { stdio: 'ignore' });
      return Number(process.hrtime.bigint() - from) / 1e6;
    }).sort((a, b) => a - b);
    return took[runs >> 1];
  };
  const main = at('../dist/main.js');
  const row = (measure, args) => ({ measure, unit: 'ms', ours: median([main, ...args]), peer: bare });
  const bare = median(['-e', '0']);
  return {
    name: 'start-up',
    results: [
      row('redbutton --version, against node -e 0', ['--version']),
      row('redbutton --help (loads every command), against node -e 0', ['--help']),
    ],
  };
}

function disk() {
  const mb = (path) => statSync(at(path)).size / 2 ** 20;
  return {
    name: 'disk',
    results: [{ measure: 'model of 300 trees', unit: 'MB', ours: mb('../models/sp500-daily/model.onnx') }],
  };
}

const figure = (value) =>
  value === undefined ? '' : value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);

/** A Markdown table of all parts, for the README. */
function markdown({ parts }) {
  const lines = ['| what | figure | peer or limit | |', '|---|---|---|---|'];
  for (const { name, results, missing, failed } of parts) {
    if (missing) continue;
    if (failed) lines.push(`| ${name} | failed: ${failed} | | **missed** |`);
    for (const r of results) {
      if (r.skipped) {
        lines.push(`| ${r.measure} | ${r.skipped} | | |`);
        continue;
      }
      const beside = [
        r.peer === undefined ? '' : `${figure(r.peer)} ${r.unit ?? ''}`.trim(),
        r.limit === undefined ? '' : `at most ${r.limit}${r.peer === undefined ? '' : ' ×'}`,
        r.target === undefined ? '' : `at least ${r.target} ×`,
        r.least === undefined ? '' : `at least ${figure(r.least)}`,
        r.within === undefined ? '' : `within ±${r.within}`,
      ].filter(Boolean);
      lines.push(
        `| ${r.measure} | ${figure(r.ours)} ${r.unit ?? ''} | ${beside.join(', ')} | ${r.pass === false ? '**missed**' : ''} |`,
      );
    }
  }
  return lines.join('\n');
}

const { values, positionals } = readOptions(import.meta.url, {
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    out: { type: 'string', default: 'bench.json' },
  },
});
const asked = (name) => positionals.length === 0 || positionals.includes(name);
const measured = { 'start-up': () => startUp(values.quick ? 3 : 9), disk };
const names = [...PARTS.map(({ name }) => name), ...Object.keys(measured)];
const unknown = positionals.filter((name) => !names.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`there is no part ${unknown.join(', ')}: name some of ${names.join(', ')}\n`);
  process.exit(2);
}
const parts = [];
for (const part of PARTS.filter(({ name }) => asked(name))) {
  process.stderr.write(`${part.name} …\n`);
  parts.push(runPart(part, values.quick));
}
for (const [name, measure] of Object.entries(measured)) if (asked(name)) parts.push(measure());
const bench = {
  machine: {
    processor: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryMb: Math.round(os.totalmem() / 2 ** 20),
    node: process.version,
    loadAverage: os.loadavg()[0],
  },
  quick: values.quick,
  parts,
};
writeFileSync(values.out, `${JSON.stringify(bench, null, 2)}\n`);
console.log(values.json ? JSON.stringify(bench) : markdown(bench));
for (const { name, missing } of parts)
  if (missing) process.stderr.write(`${name}: no bench of it in this version\n`);
const missed = parts.some(({ failed, results }) => failed || results.some(({ pass }) => pass === false));
if (missed) process.exitCode = 1;
