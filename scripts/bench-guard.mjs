// Benchmarks the kill switch: a whole box in mode live on this machine (guard and trader as processes, the exchange
// simulator, ten open orders at each press), and what a guard at rest costs. Its peers are the limits it has to keep, and, at
// rest, a Node process that only wakes a hundred times a second.
// Usage: node scripts/bench-guard.mjs [--json] [--quick]
// Needs `npm run build`. Exit 1 when a limit is missed.
import { readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { compileSources } from './compile-sources.mjs';
import { isRun, readOptions } from './usage.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const BOX = 'test/guard/live-box.ts';
const REST = 'test/guard/resting-guard.ts';
const ON_FILES = 'test/guard/children/guard-on-files.ts';
/** What must hold, in milliseconds after the level changed; confirmed is the receive window and 2 s. */
const LIMITS_MS = { 'gate shut': 60, 'all cancels acknowledged': 1_500, 'halt confirmed': 4_000 };
const ORDERS = 10;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

async function presses(startLiveBox, count) {
  const box = await startLiveBox({ modelDir: path.join(root, 'models/sp500-daily') });
  const took = Object.fromEntries(Object.keys(LIMITS_MS).map((name) => [name, []]));
  try {
    for (let i = 0; i < count; i++) {
      await box.arm();
      await box.placeOrders(ORDERS);
      const fromMs = box.nowMs();
      const since = (name) => took[name].push(box.nowMs() - fromMs);
      const pressing = box.button(true);
      while (box.permit().ok) await new Promise((resolve) => setImmediate(resolve));
      since('gate shut');
      await pressing;
      await box.until('the cancels', () => box.resting().length === 0);
      since('all cancels acknowledged');
      await box.until('the confirmation', async () => (await box.status()).halt?.confirmed === true);
      since('halt confirmed');
      await box.button(false);
    }
    const status = readFileSync(`/proc/${box.guard.process.pid}/status`, 'utf8');
    return { took, rssMb: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1024 };
  } finally {
    await box.dispose();
  }
}

/** All rows of the guard's table. */
export async function benchGuard({ count = 20, windows = 10 } = {}) {
  const compiled = compileSources([BOX, REST, ON_FILES]);
  // The box runs what is built; only the hand that holds it is compiled for this.
  for (const shared of ['dist', 'models'])
    symlinkSync(path.join(root, shared), path.join(compiled.dir, shared));
  const load = (source) => import(pathToFileURL(compiled.file(source)).href);
  try {
    const [{ startLiveBox }, { measureRest }] = await Promise.all([load(BOX), load(REST)]);
    const rest = await measureRest(compiled.file(ON_FILES), windows, 1_500);
    const { took, rssMb } = await presses(startLiveBox, count);
    const limited = (measure, unit, ours, limit, more = {}) => ({
      measure,
      unit,
      ours,
      limit,
      pass: ours <= limit,
      ...more,
    });
    return {
      presses: count,
      openOrders: ORDERS,
      results: [
        ...Object.entries(LIMITS_MS).flatMap(([name, limit]) => [
          { measure: `press → ${name}, p50 of ${count}`, unit: 'ms', ours: median(took[name]) },
          limited(`press → ${name}, worst of ${count}`, 'ms', Math.max(...took[name]), limit),
        ]),
        limited('guard in mode live, markets loaded (RSS)', 'MB', rssMb, 200),
        {
          ...limited(`guard at rest, armed, best of ${windows} windows`, '% of a core', rest.best * 100, 1),
          median: rest.median * 100,
        },
        {
          measure: 'the same, median, against a Node process with a timer of 10 ms',
          unit: '% of a core',
          ours: rest.median * 100,
          peer: rest.yardstick * 100,
          times: rest.beside,
        },
        { measure: 'guard on paper (RSS)', unit: 'MB', ours: rest.rssMb },
      ],
    };
  } finally {
    compiled.remove();
  }
}

if (isRun(import.meta.url)) {
  const { values } = readOptions(import.meta.url, {
    options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
  });
  const bench = await benchGuard(values.quick ? { count: 3, windows: 4 } : {});
  if (values.json) console.log(JSON.stringify(bench));
  else for (const r of bench.results) console.log(r);
  if (bench.results.some((r) => r.pass === false)) process.exitCode = 1;
}
