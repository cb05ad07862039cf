import { setTimeout as sleep } from 'node:timers/promises';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { boxPaths, type Paths } from '../../config/paths.js';
import { defineVerb } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import type { OptionTable, Values } from '../../console/option-table.js';
import { startProgress } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import type { HealthReport } from '../../pipeline/monitoring/index.js';
import { askTrader } from '../../research/studies/store-access.js';
import type { RetrainingState, RetrainOutcome } from '../../trader/retraining.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

interface ModelStatus {
  readonly sha256: string;
  readonly dir: string;
  readonly trainedToMs: number | null;
  readonly health: Readonly<Record<string, HealthReport>>;
  readonly retraining: RetrainingState | null;
}

const OPTIONS = {
  config: CONFIG_OPTION,
  json: { help: 'the answer as JSON' },
} as const satisfies OptionTable;
const POLL_MS = 500;

async function statusOf(paths: Paths): Promise<ModelStatus> {
  return (await callControl(paths.traderSocket, 'the trader', 'GET', '/model')).body as ModelStatus;
}

const figure = (value: number | null | undefined) => (value == null ? '-' : value.toFixed(4));
const day = (ms: number | null) => (ms === null ? '-' : new Date(ms).toISOString().slice(0, 16));

/** How the model that decides does, stream by stream. */
export const modelHealth = defineVerb({ options: OPTIONS, run: showHealth });

async function showHealth({ config, json }: Values<typeof OPTIONS>, io: CommandIo): Promise<number> {
  const paths = boxPaths(configFrom(config));
  const status = await statusOf(paths);
  if (json) {
    io.stdout.write(`${JSON.stringify(status)}\n`);
    return EXIT.fine;
  }
  io.stdout.write(`model ${status.sha256.slice(0, 8)}, trained to ${day(status.trainedToMs)}\n`);
  for (const [stream, health] of Object.entries(status.health)) {
    const { aucInterval: interval } = health;
    const drifts = Object.entries(health.psi).sort((a, b) => b[1] - a[1]);
    io.stdout.write(`\n${stream}: ${health.status}\n`);
    io.stdout.write(
      table([
        ['  outcomes known', String(health.resolvedPredictions)],
        [
          '  rolling AUC',
          `${figure(health.rollingAuc)}${interval === null ? '' : ` (95 %: ${figure(interval.low)} to ${figure(interval.high)})`}`,
        ],
        ['  Brier', figure(health.brier)],
        ['  hit rate', figure(health.hitRate)],
        [
          '  largest PSI',
          drifts.length === 0 ? '- (window not full)' : `${figure(drifts[0]![1])} (${drifts[0]![0]})`,
        ],
      ]),
    );
    for (const finding of health.alerts) io.stdout.write(`  ${finding}\n`);
  }
  io.stdout.write(`\n${retrainingWords(status.retraining)}\n`);
  return EXIT.fine;
}

function retrainingWords(state: RetrainingState | null): string {
  if (state === null) return 'retraining is off';
  if (state.running !== null) return `a challenger is being trained (called by ${state.running})`;
  if (state.last !== null) return outcomeWords(state.last);
  return `last attempt: ${state.lastAttemptMs === null ? 'none' : day(state.lastAttemptMs)}`;
}

function outcomeWords(outcome: RetrainOutcome): string {
  if (outcome.kind === 'kept') return `nothing was compared: ${outcome.detail}`;
  if (outcome.kind === 'failed') return `the training failed: ${outcome.detail}`;
  const { challengerAuc, championAuc, difference, rows } = outcome.challenge;
  const figures = `AUC ${figure(challengerAuc)} against ${figure(championAuc)} over ${rows} rows, p ${figure(difference?.pGreater)}`;
  const what = {
    promoted: 'decides from the next bar on',
    won: 'won and waits for redbutton model promote',
    refused: 'was refused',
  }[outcome.kind];
  return `${outcome.model} ${what}: ${figures}`;
}

/** Lets the running trader train a challenger now, and waits for how it ends. */
export const modelRetrain = defineVerb({ options: OPTIONS, run: retrain });

async function retrain({ config, json }: Values<typeof OPTIONS>, io: CommandIo): Promise<number> {
  const paths = boxPaths(configFrom(config));
  await askTrader(paths, '/model/retrain', {});
  let progress: ReturnType<typeof startProgress> | null = null;
  let state = (await statusOf(paths)).retraining;
  while (state !== null && state.running !== null) {
    if (state.total > 0) {
      progress ??= startProgress(io.stderr, 'training', state.total, 'forests', () => performance.now());
      progress.update(state.done);
    }
    await sleep(POLL_MS, undefined, { signal: io.signal });
    state = (await statusOf(paths)).retraining;
  }
  progress?.finish();
  const last = state?.last ?? null;
  if (json) io.stdout.write(`${JSON.stringify(last)}\n`);
  else if (last !== null) io.stdout.write(`${outcomeWords(last)}\n`);
  return last === null || last.kind === 'failed' ? EXIT.failed : EXIT.fine;
}
