import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { time } from '../../console/option-values.js';
import { progressOf } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import type { Difference } from '../../research/backtest/compare.js';
import { studyDecisions, type VerifiedStream } from '../../research/studies/verify.js';
import { CONFIG_OPTION, DEFAULT_CONFIG_FILE } from '../config-option.js';

/** Differences shown; all of them with --json. */
const SHOWN_MAX = 20;

export const command = defineCommand({
  name: 'verify',
  summary: 'recompute what the trader decided, bit for bit',
  about: `Recomputes features, probabilities, signals and risk decisions of a stored
period from the candles that were known at the time, the stored inputs of the
risk decisions, the settings of that run and the models that the predictions
name, and compares each figure bit for bit with what was stored. A difference
names the bar, the layer and both values. Of bars that came back from the journal
after a restore or a loss the features and signals are not recomputed, since what
they were decided on is gone; these bars are counted and named.`,
  options: {
    from: {
      value: 'TIME',
      help: 'start of the period, as in 2026-01-31 or 2026-01-31T12:00Z',
      read: time,
    },
    to: { value: 'TIME', help: 'its end, which is no part of it', read: time },
    store: {
      value: 'FILE',
      help: "the trader's database; while the trader runs it makes the copy that is read",
      otherwise: 'the configured one',
      completes: 'file',
    },
    models: {
      value: 'DIR',
      help: 'a model, or a folder of models',
      many: true,
      otherwise: 'the configured one, and those trained on the box',
      completes: 'folder',
    },
    config: {
      ...CONFIG_OPTION,
      otherwise: `${DEFAULT_CONFIG_FILE}; not read where --store and --models are given`,
    },
    json: { help: 'the figures and all differences as JSON' },
  },
  more: 'Exit codes: 0 all equal; 1 differences, or failed; 2 bad input.',
  async run(values, io) {
    let progress: ReturnType<typeof progressOf> | undefined;
    const found = await studyDecisions({
      fromMs: values.from,
      toMs: values.to,
      store: values.store,
      models: values.models,
      configFile: values.config ?? DEFAULT_CONFIG_FILE,
      onProgress(stream, done, bars) {
        if (done === 0) {
          progress?.finish();
          progress = progressOf(io.stderr, `verify ${stream}`, 'bars');
        }
        progress?.report(done, bars);
      },
      signal: io.signal,
    });
    progress?.finish();
    print(io, values.json, found);
    return found.some(({ result }) => result.differences.length > 0) ? EXIT.failed : EXIT.fine;
  },
});

function print(io: CommandIo, json: boolean, found: readonly VerifiedStream[]): void {
  if (json) {
    io.stdout.write(`${JSON.stringify(found.map(({ stream, result }) => ({ stream, ...result })))}\n`);
    return;
  }
  io.stdout.write(
    table(
      [
        ['stream', 'bars', 'predictions', 'risk decisions', 'models', 'differences'],
        ...found.map(({ stream, result }) => [
          stream,
          ...[result.bars, result.predictions, result.riskDecisions, result.models.length].map(String),
          String(result.differences.length),
        ]),
      ],
      [1, 2, 3, 4, 5],
    ),
  );
  for (const { stream, result } of found) {
    const bars = new Set(result.differences.map(({ openMs }) => openMs)).size;
    if (bars > 0) io.stdout.write(`\n${stream}: ${bars} ${bars === 1 ? 'bar differs' : 'bars differ'}\n`);
    for (const one of result.differences.slice(0, SHOWN_MAX)) io.stdout.write(`  ${shown(one)}\n`);
    const more = result.differences.length - SHOWN_MAX;
    if (more > 0) io.stdout.write(`  and ${more} more\n`);
    if (result.replayed.length > 0) io.stdout.write(`\n${stream}: ${cameBack(result.replayed)}\n`);
    if (result.modelFaults > 0) {
      io.stdout.write(
        `\n${stream}: on ${result.modelFaults} bars the model failed; that is taken as stored\n`,
      );
    }
  }
}

function cameBack(openMs: readonly number[]): string {
  const named = openMs.slice(0, SHOWN_MAX).map((ms) => new Date(ms).toISOString());
  const more = openMs.length > SHOWN_MAX ? ` and ${openMs.length - SHOWN_MAX} more` : '';
  return `${openMs.length} ${openMs.length === 1 ? 'bar' : 'bars'} came back from the journal after a loss;
  what they were decided on is gone, so their features and signals are not
  recomputed: ${named.join(',\n  ')}${more}`;
}

function shown({ openMs, layer, field, a, b }: Difference): string {
  return `${new Date(openMs).toISOString()} ${layer} ${field}: stored ${String(a)}, now ${String(b)}`;
}
