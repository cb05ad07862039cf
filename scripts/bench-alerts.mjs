// Benchmarks alerts: a critical alert from its event to a subscriber (mosquitto_sub as the phone) over a real broker with
// TLS and passwords, waiting in memory and in the trader's database; and what the pipeline waits for it.
// Usage: node scripts/bench-alerts.mjs [--json] [--quick]
// Needs `npm run build` and Debian's mosquitto and mosquitto-clients. Exit 1 when the limit is missed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { compileSources } from './compile-sources.mjs';
import { isRun, readOptions } from './usage.mjs';

const BROKER = 'test/brokers/mosquitto.ts';
const PHONE = 'test/brokers/phone.ts';
const BOX = 'test/adapters/mqtt/box.ts';
const STORE = 'src/adapters/duckdb/index.ts';
const P99_MS_MAX = 250;

const at = (sorted, quantile) => sorted[Math.ceil(sorted.length * quantile) - 1];

/** Raises alerts one after the other; returns, sorted, event → subscriber and event → taken by the outbox. */
async function deliver(box, phone, count, word) {
  const arrivedMs = [];
  const takenMs = [];
  await box.alerts.start();
  try {
    // The first ones pay for what is loaded and compiled; a box has long done so.
    for (let i = -10; i < count; i++) {
      const fromMs = performance.now();
      await box.raiser.raise('HALTED', { cause: `${word} ${i}` });
      const tookMs = performance.now() - fromMs;
      const { atMs } = await phone.until((m) => m.payload.includes(`: ${word} ${i}.`));
      if (i < 0) continue;
      takenMs.push(tookMs);
      arrivedMs.push(atMs - fromMs);
    }
  } finally {
    await box.alerts.stop();
  }
  return { arrivedMs: arrivedMs.sort((a, b) => a - b), takenMs: takenMs.sort((a, b) => a - b) };
}

/** All rows of the alerts' table. */
export async function benchAlerts({ count = 1_000 } = {}) {
  const compiled = compileSources([BROKER, PHONE, BOX, STORE]);
  const load = (source) => import(pathToFileURL(compiled.file(source)).href);
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-bench-'));
  const [{ createMosquitto, mosquittoInstalled }, { startPhone }, boxes, { openStore }] = await Promise.all(
    [BROKER, PHONE, BOX, STORE].map(load),
  );
  try {
    if (!mosquittoInstalled()) {
      return { results: [{ measure: 'critical alert → subscriber', skipped: 'mosquitto is not installed' }] };
    }
    const broker = await createMosquitto({ tls: true, users: boxes.USERS });
    await broker.start();
    const phone = await startPhone(broker, ['redbutton/#'], boxes.PHONE_USER);
    const store = await openStore({ path: path.join(dir, 'bench.duckdb'), onDamaged: 'refuse' });
    try {
      const results = [];
      const rows = (where, { arrivedMs, takenMs }) => {
        const measure = `critical alert → subscriber, ${where}`;
        const p99 = at(arrivedMs, 0.99);
        results.push(
          { measure: `${measure}, p50 of ${count}`, unit: 'ms', ours: at(arrivedMs, 0.5) },
          { measure: `${measure}, p99`, unit: 'ms', ours: p99, limit: P99_MS_MAX, pass: p99 <= P99_MS_MAX },
          { measure: `alert → outbox, ${where}, p99`, unit: 'ms', ours: at(takenMs, 0.99) },
        );
      };
      rows(
        'outbox in memory',
        await deliver(boxes.createBox(broker, { device: 'memory' }), phone, count, 'memory'),
      );
      const durable = boxes.createBox(broker, { device: 'durable', outbox: store });
      rows('outbox in DuckDB', await deliver(durable, phone, count, 'durable'));
      return { alerts: count, results };
    } finally {
      await store.close();
      await phone.stop();
      await broker.dispose();
    }
  } finally {
    compiled.remove();
    rmSync(dir, { recursive: true, force: true });
  }
}

if (isRun(import.meta.url)) {
  const { values } = readOptions(import.meta.url, {
    options: { json: { type: 'boolean' }, quick: { type: 'boolean' } },
  });
  const bench = await benchAlerts(values.quick ? { count: 200 } : {});
  if (values.json) console.log(JSON.stringify(bench));
  else for (const r of bench.results) console.log(r);
  if (bench.results.some((r) => r.pass === false)) process.exitCode = 1;
}
