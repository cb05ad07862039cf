import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { symbol, time, whole } from '../../console/option-values.js';
import { progressOf } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { EXIT } from '../../core/errors.js';
import type { ModelManifest } from '../../core/manifest.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { studyTraining } from '../../research/studies/train.js';
import type { TrainingInput } from '../../research/studies/training-input.js';
import { FOREST_OPTIONS, forestOf } from '../forest-options.js';
import { ALLOW_QUARANTINED, candlesJson, candlesText } from '../research/candle-input.js';

export const command = defineCommand({
  name: 'train',
  summary: 'train a model on a candle file',
  about: `Validates the candles, computes their features with the pipeline's own code,
labels each row (does the close rise over the horizon?), trains a random forest
and writes DIR/model.onnx and DIR/manifest.json. The figures of the manifest
come from a forest that saw the first four fifths only, judged on the last
fifth; the forest that is written is then fitted to all rows.

Equal candles, options and seed give the same model.onnx, byte for byte, with
any number of threads.`,
  options: {
    candles: { value: 'FILE', help: 'the candles, see below', required: true, completes: 'file' },
    out: { value: 'DIR', help: 'where the model goes', required: true, completes: 'folder' },
    to: {
      value: 'DATE',
      help: 'only candles before this date (2019-01-01) or UTC time (2019-01-01T12:00Z)',
      read: time,
    },
    horizon: { value: 'BARS', help: 'how far ahead the label looks', default: '1', read: whole(1, 1000) },
    calendar: {
      choices: ['24x7', 'weekdays'],
      help: 'days the market trades',
      otherwise: 'as the candles show',
    },
    'max-gap-bars': {
      value: 'N',
      help: 'more missing bars than this are a gap',
      default: '3',
      read: whole(0, 1_000_000),
    },
    exchange: { value: 'ID', help: 'recorded in the manifest' },
    symbol: { value: 'SYMBOL', help: 'recorded in the manifest', read: symbol },
    'allow-quarantined': ALLOW_QUARANTINED,
    ...FOREST_OPTIONS,
    json: { help: 'the figures as JSON' },
  },
  more: CANDLE_FILE_HELP,
  async run(values, io) {
    const progress = progressOf(io.stderr, 'training', 'trees');
    const { input, manifest } = await studyTraining({
      candles: values.candles,
      out: values.out,
      rows: {
        horizonBars: values.horizon,
        calendar: values.calendar,
        maxGapBars: values['max-gap-bars'],
        toMs: values.to ?? Number.POSITIVE_INFINITY,
        allowQuarantined: values['allow-quarantined'],
      },
      forest: forestOf(values),
      exchange: values.exchange,
      symbol: values.symbol,
      onProgress: progress.report,
      signal: io.signal,
    });
    progress.finish();
    report(io, values.out, input, manifest, values.json);
    return EXIT.fine;
  },
});

function report(
  io: CommandIo,
  out: string,
  input: TrainingInput,
  manifest: ModelManifest,
  json: boolean,
): void {
  const { training, evaluation } = manifest;
  if (json) {
    const { sha256, calibration, featureImportance } = manifest;
    const figures = {
      out,
      candles: input.candles,
      rejected: input.judgement.quarantined,
      files: [candlesJson(input.judgement)],
      calendar: input.calendar,
      sha256,
      training,
      evaluation,
      calibration,
      featureImportance,
    };
    io.stdout.write(`${JSON.stringify(figures)}\n`);
    return;
  }
  const figure = (value: number | null | undefined) => (value == null ? 'none' : value.toFixed(4));
  const day = (ms: number | undefined) => (ms === undefined ? '' : new Date(ms).toISOString().slice(0, 16));
  io.stdout.write(
    table(
      [
        ['candles', String(input.candles)],
        ['quarantined rows', String(input.judgement.quarantined)],
        ['training rows', String(training?.rows)],
        ['first row', day(training?.fromMs)],
        ['last row', day(training?.toMs)],
        ['held-out rows', String(evaluation?.heldOutRows)],
        ['held-out AUC', figure(evaluation?.heldOutAuc)],
        ['out-of-bag AUC', figure(evaluation?.outOfBagAuc)],
        ['Brier, calibrated', figure(evaluation?.brierCalibrated)],
        ['Brier, base rate', figure(evaluation?.brierBaseRate)],
      ],
      [1],
    ),
  );
  io.stdout.write(candlesText([input.judgement]));
  // On lines of their own: a path and a hash would make the table wider than a terminal.
  io.stdout.write(`\nmodel: ${out}/model.onnx\nsha256: ${manifest.sha256}\n`);
}
