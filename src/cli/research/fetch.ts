import { defineCommand } from '../../console/command.js';
import { day, symbol } from '../../console/option-values.js';
import { progressOf } from '../../console/progress.js';
import { streamName } from '../../core/candle.js';
import { EXIT } from '../../core/errors.js';
import { studyHistory } from '../../research/studies/history.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';

export const command = defineCommand({
  name: 'fetch',
  summary: 'load history of a market into the database',
  about: `Pages through the exchange's history at the pace it allows, checks each bar like
a live one, and stores what is new. Stopped and started
again it continues where it was: stored pages are not requested again. Works while the
trader runs, through it.`,
  options: {
    symbol: { value: 'SYMBOL', help: 'as ccxt writes it: BTC/USDT', required: true, read: symbol },
    timeframe: { value: 'TF', help: 'as in 1m, 1h, 1d', required: true },
    since: { value: 'DAY', help: 'first UTC day, as in 2024-01-31', required: true, read: day },
    until: { value: 'DAY', help: 'the day after the last one', otherwise: 'now', read: day },
    exchange: { value: 'ID', help: 'ccxt id', otherwise: 'the first of the configuration' },
    config: CONFIG_OPTION,
    'run-dir': ADDRESS_OPTIONS['run-dir'],
  },
  async run(values, io) {
    const { symbol, timeframe } = values;
    const config = configFrom(values.config);
    const exchange = values.exchange ?? config.exchange[0]!.id;
    const stream = { exchange, symbol, timeframe };
    const progress = progressOf(io.stderr, `fetching ${streamName(stream)}`, 'bars');
    const result = await studyHistory({
      config,
      paths: addressOf(values),
      stream,
      sinceMs: values.since,
      untilMs: values.until,
      onProgress: progress.report,
      signal: io.signal,
    });
    progress.finish();
    io.stdout.write(
      `${result.added} bars added, ${result.refused} refused, ${result.pagesKnown} of ${result.pages} pages known before\n`,
    );
    return EXIT.fine;
  },
});
