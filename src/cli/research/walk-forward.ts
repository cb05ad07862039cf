import { defineCommand } from '../../console/command.js';
import { number, whole } from '../../console/option-values.js';
import { progressOf } from '../../console/progress.js';
import { EXIT } from '../../core/errors.js';
import { CANDLE_FILE_HELP } from '../../research/candles/candle-file.js';
import { studyWalkForward } from '../../research/studies/walk-forward.js';
import { candlesJson, candlesText } from './candle-input.js';
import { foldTable } from './fold-table.js';
import { FOLD_OPTIONS, foldRequest } from './walk-forward-options.js';

export const command = defineCommand({
  name: 'walk-forward',
  summary: 'train and test again and again, forward in time',
  about: `Trains on a window, trades the window after it through the pipeline with a paper
account, moves on, and prints how good the models were on bars they had not
seen: AUC with its interval (DeLong), Brier score, return after fees and
slippage, drawdown and turnover of each fold and of all together, and the
deflated Sharpe ratio.`,
  options: {
    ...FOLD_OPTIONS,
    threshold: {
      value: 'X',
      help: 'confidence threshold in place of the configured one',
      read: number(0, 1),
    },
    variants: {
      value: 'N',
      help: 'settings that were tried before these; deflates the Sharpe ratio',
      default: '1',
      read: whole(1, 1_000_000),
    },
    json: { help: 'the figures as JSON' },
  },
  more: CANDLE_FILE_HELP,
  async run(values, io) {
    const { variants, threads, threshold } = values;
    const request = foldRequest('walk-forward', values, threads, threshold);
    const progress = progressOf(io.stderr, 'walk-forward', 'folds');
    const { sha256, timeframe, judgement, folds, pooled } = await studyWalkForward(
      request,
      variants,
      progress.report,
      io.signal,
    );
    progress.finish();
    io.stdout.write(
      values.json
        ? `${JSON.stringify({ candles: sha256, timeframe, files: [candlesJson(judgement)], folds, pooled })}\n`
        : `${foldTable(folds, pooled)}${candlesText([judgement])}`,
    );
    return EXIT.fine;
  },
});
