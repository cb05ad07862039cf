import { createFeatureKernel } from '../../src/adapters/native/features.js';
import { type Month, tradingMonth } from './trading-month.js';

/**
 * A process of the long simulation: `months FROM COUNT STEP BARS [trace]`; a line of JSON for each seed, FROM, FROM + STEP, ….
 * With `trace` what happens goes to standard error.
 */
const [from, count, step, bars] = process.argv.slice(2).map(Number) as [number, number, number, number];
const traced = process.argv[6] === 'trace';
const write = (line: string) => process.stderr.write(`${line}\n`);
const kernel = createFeatureKernel();
for (let i = 0; i < count; i++) {
  const seed = from + i * step;
  const startedNs = process.hrtime.bigint();
  const startedCpu = process.cpuUsage();
  let month: Month;
  try {
    month = await tradingMonth({ seed, bars, kernel, ...(traced && { write }) });
  } catch (error) {
    month = { seed, flaws: [`the simulation broke: ${(error as Error).stack}`], counts: {} };
  }
  const tookMs = Number(process.hrtime.bigint() - startedNs) / 1e6;
  const { user, system } = process.cpuUsage(startedCpu);
  process.stdout.write(`${JSON.stringify({ ...month, tookMs, cpuMs: (user + system) / 1000 })}\n`);
}
