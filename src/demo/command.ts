import { performance } from 'node:perf_hooks';
import { defineCommand } from '../console/command.js';
import { number, whole } from '../console/option-values.js';
import { EXIT } from '../core/errors.js';
import { CANDLE_FILE_HELP } from '../research/candles/candle-file.js';
import { runDemo } from './demo.js';

export const command = defineCommand({
  name: 'demo',
  summary: 'trade market history on paper, halt it, and read a report',
  about: `The main job on real candles: trains a model on the first part of a history,
then lets the rest come in through an exchange simulator, ccxt, all seven layers
and paper fills into DuckDB and MQTT, as fast as the trader can take it. Half-way
the red button is pressed, the halt is shown to hold, and the box is re-armed. In
the end it runs the same bars as a backtest, compares every decision, and leaves
a report behind. Past results of a demo model promise
nothing.`,
  options: {
    candles: {
      value: 'FILE',
      help: 'your own history',
      otherwise: "the S&P 500's daily candles 2000-2020",
      completes: 'file',
    },
    symbol: { value: 'SYMBOL', help: 'what they are of, as in BTC/USDT' },
    'train-share': {
      value: 'X',
      help: 'share of the history to train on',
      default: '0.6',
      read: number(0.1, 0.95),
    },
    bars: {
      value: 'N',
      help: 'trade the last N bars at most; 0 = all',
      default: '5000',
      read: whole(0, Number.MAX_SAFE_INTEGER),
    },
    mqtt: { value: 'URL', help: 'your own broker, MQTT 5', otherwise: 'an embedded one' },
    out: {
      value: 'DIR',
      help: 'where everything is left behind',
      default: 'demo-output',
      completes: 'folder',
    },
    json: { help: 'the result as JSON at the end' },
  },
  more: `In a terminal, b presses and releases the button by hand while the market runs.

${CANDLE_FILE_HELP}`,
  async run(values, io) {
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
});
