#!/usr/bin/env node
// The long tests of ingestion and storage, with a progress line and one line of figures each.
// Usage: node scripts/soak-store.mjs kills|cuts|day [--rounds 200] [--seed 1]
//                                    [--minutes 1440] [--symbols 10] [--disconnects 50] [--silences 20] [--outages 10]
//   kills   kill -9 while writing
//   cuts    copies of the files at random moments, the last page torn
//   day     two exchanges with faults of lines and messages, held against the market
// Exit 1 on any flaw.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { compileSources } from './compile-sources.mjs';
import { readOptions } from './usage.mjs';

const { values, positionals } = readOptions(import.meta.url, {
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '1440' },
    symbols: { type: 'string', default: '10' },
    disconnects: { type: 'string', default: '50' },
    silences: { type: 'string', default: '20' },
    outages: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
});
const what = positionals[0];
if (!['kills', 'cuts', 'day'].includes(what)) {
  console.error('soak-store: name one of kills, cuts, day; see --help');
  process.exit(2);
}
const whole = (name) => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} ${values[name]} is no whole number`);
  process.exit(2);
};
const seed = whole('seed');
const entries = [
  'test/adapters/duckdb/journal-writer.ts',
  'test/adapters/duckdb/power-cuts.ts',
  'test/simulator/fault-day.ts',
  'src/adapters/duckdb/index.ts',
];
const compiled = compileSources(entries);
const load = (source) => import(pathToFileURL(compiled.file(source)).href);
const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-soak-'));
const started = performance.now();
try {
  let verdict;
  if (what === 'day') {
    const { openStore } = await load('src/adapters/duckdb/index.ts');
    const { runFaultDay } = await load('test/simulator/fault-day.ts');
    const store = await openStore({
      path: path.join(dir, 'day.duckdb'),
      journal: path.join(dir, 'day.journal'),
    });
    verdict = await runFaultDay({
      seed,
      minutes: whole('minutes'),
      symbolsPerExchange: whole('symbols'),
      disconnects: whole('disconnects'),
      silences: whole('silences'),
      outages: whole('outages'),
      store,
      paceMs: 5,
    });
    await store.close();
  } else {
    const { killRounds, powerCuts } = await load('test/adapters/duckdb/power-cuts.ts');
    const rounds = whole('rounds');
    verdict = await (what === 'kills' ? killRounds : powerCuts)({
      script: compiled.file('test/adapters/duckdb/journal-writer.ts'),
      dir,
      rounds,
      seed,
      onRound: (round) => {
        if (process.stdout.isTTY) process.stdout.write(`\r${round} of ${rounds} `);
      },
    });
    verdict = { rounds, ...verdict };
  }
  const { flaws, ...figures } = verdict;
  for (const flaw of flaws.slice(0, 20)) console.log(`  ${flaw}`);
  console.log(
    `${what}, seed ${seed}, ${((performance.now() - started) / 1000).toFixed(0)} s: ${JSON.stringify(figures)}`,
  );
  console.log(flaws.length === 0 ? 'no flaw' : `${flaws.length} flaws`);
  process.exitCode = flaws.length === 0 ? 0 : 1;
} finally {
  compiled.remove();
  rmSync(dir, { recursive: true, force: true });
}
