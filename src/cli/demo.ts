import { performance } from 'node:perf_hooks';
import { EXIT } from '../core/errors.js';
import { runDemo } from '../demo/demo.js';
import { CANDLE_FILE_HELP } from '../research/candles/candle-file.js';
import { type Command, parseOptions } from './command.js';

export const command: Command = {
  name: 'demo',
  summary: 'trade market history on paper, halt it, and read a report',
  help: `Usage: redbutton demo [OPTION ...]

The main job on real candles: trains a model on the first part of a history,
then lets the rest come in through an exchange simulator, ccxt, all seven layers
and paper fills into DuckDB and MQTT, as fast as the trader can take it. Half-way
the red button is pressed, the halt is shown to hold, and the box is re-armed. In
the end it runs the same bars as a backtest, compares every decision, and leaves
a report behind. Past results of a demo model are no promise.

  --candles FILE      your own history (the S&P 500's daily candles 2000-2020)
  --symbol SYMBOL     what they are of, as in BTC/USDT
  --train-share X     share of the history to train on (0.6)
  --bars N            trade the last N bars at most (5000; 0 = all)
  --mqtt URL          a broker of yours, MQTT 5 (an embedded one)
  --out DIR           where everything is left behind (demo-output)
  --json              the result as JSON at the end

In a terminal, b presses and releases the button by hand while the market runs.

${CANDLE_FILE_HELP}`,

  async run(args, io) {
    const { values } = parseOptions('demo', args, {
      candles: { type: 'string' },
      symbol: { type: 'string' },
      'train-share': { type: 'string', default: '0.6' },
      bars: { type: 'string', default: '5000' },
      mqtt: { type: 'string' },
      out: { type: 'string', default: 'demo-output' },
      json: { type: 'boolean' },
    });
    const startedMs = performance.now();
    const ok = await runDemo({
      ...(values.candles === undefined ? {} : { candles: values.candles }),
      ...(values.symbol === undefined ? {} : { symbol: values.symbol }),
      ...(values.mqtt === undefined ? {} : { mqttUrl: values.mqtt }),
      trainShare: values['train-share'],
      barsMax: values.bars,
      out: values.out,
      json: values.json,
      io,
    });
    io.stderr.write(`the demo took ${((performance.now() - startedMs) / 1000).toFixed(0)} s\n`);
    return ok ? EXIT.fine : EXIT.failed;
  },
};
