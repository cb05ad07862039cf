import { type StreamKey, streamName } from '../../core/candle.js';
import type { BoxState } from '../../ports/alerts.js';
import { expose, gauge, gaugeBy, type MetricFamily } from './exposition.js';
import { createProcessFigures } from './process-figures.js';

/** What happened on one bar, as far as it is counted. */
export interface CountedBar {
  readonly stream: StreamKey;
  /** What became of the bar: `decided`, `quarantined`, `learned` … */
  readonly kind: string;
  readonly signal: string | null;
  /** Why risk denied the signal. */
  readonly denial: string | null;
}

/** What has become of an order, as far as it is counted. */
export interface CountedOrder {
  readonly stream: StreamKey;
  readonly status: string;
  readonly fills: number;
}

/** The trader's figures for Prometheus. Counters start at zero with the process; gauges tell the state when asked. */
export interface TraderMetrics {
  countBar(bar: CountedBar): void;
  countOrder(order: CountedOrder): void;
  /** An answer of an exchange that was not believed. */
  countGarbled(exchange: string, place: string): void;
  /** All figures in Prometheus' text format 0.0.4. */
  text(): Promise<string>;
}

export interface TraderMetricsOptions {
  readonly version: string;
  readonly mode: string;
  readonly state: () => BoxState;
}

const STATES = ['ACTIVE', 'REDUCING', 'FLATTENING', 'HALTED'] as const;
const HEALTHS = ['HEALTHY', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;

const COUNTERS = {
  bars_total: { help: 'Bars by what became of them.', label: 'kind' },
  signals_total: { help: 'Signals by direction.', label: 'direction' },
  refusals_total: { help: 'Signals that risk denied, by reason.', label: 'reason' },
  order_outcomes_total: { help: 'Outcomes of orders, by status.', label: 'status' },
  fills_total: { help: 'Fills.', label: 'kind' },
  garbled_answers_total: {
    help: 'Answers of an exchange that were not believed, by place.',
    label: 'place',
    of: 'exchange',
  },
} as const;
type CounterName = keyof typeof COUNTERS;
interface Counter {
  readonly help: string;
  readonly label: string;
  /** Whose it is, where it is not a stream's. */
  readonly of?: string;
}
type Counts = ReadonlyMap<CounterName, ReadonlyMap<string, number>>;

/** Counts from the start; the process is watched from the first time that somebody asks. */
export function createTraderMetrics({ version, mode, state }: TraderMetricsOptions): TraderMetrics {
  const counts = new Map<CounterName, Map<string, number>>();
  let processFigures: ReturnType<typeof createProcessFigures> | null = null;

  function count(name: CounterName, stream: string, label: string, by = 1): void {
    const of = counts.get(name) ?? new Map<string, number>();
    counts.set(name, of);
    const key = JSON.stringify([stream, label]);
    of.set(key, (of.get(key) ?? 0) + by);
  }

  return {
    countBar(bar) {
      const stream = streamName(bar.stream);
      count('bars_total', stream, bar.kind);
      if (bar.signal !== null) count('signals_total', stream, bar.signal);
      if (bar.denial !== null) count('refusals_total', stream, bar.denial);
    },
    countOrder({ stream, status, fills }) {
      count('order_outcomes_total', streamName(stream), status);
      if (fills > 0) count('fills_total', streamName(stream), 'fill', fills);
    },
    countGarbled: (exchange, place) => count('garbled_answers_total', exchange, place),
    async text() {
      processFigures ??= createProcessFigures();
      const info: MetricFamily = {
        name: 'redbutton_info',
        help: 'Always 1; version and mode are its labels.',
        type: 'gauge',
        samples: [{ labels: { version, mode }, value: 1 }],
      };
      return expose([
        ...(await processFigures()),
        info,
        ...stateFamilies(state()),
        ...counterFamilies(counts),
      ]);
    },
  };
}

function stateFamilies(state: BoxState): MetricFamily[] {
  const oneOf = (names: readonly string[], current: string) =>
    names.map((name) => [name, name === current ? 1 : 0] as const);
  const { feedAgeMs, layers } = state;
  return [
    gaugeBy(
      'state',
      'redbutton_trading_state',
      '1 for the trading state the box is in.',
      oneOf(STATES, state.tradingState),
    ),
    gauge('redbutton_equity', 'Equity of the account in quote currency.', state.equity),
    gauge(
      'redbutton_drawdown_fraction',
      'Fall of equity from its peak, as a fraction of it.',
      state.drawdown,
    ),
    gaugeBy(
      'market',
      'redbutton_position_units',
      'Units held, signed, by market.',
      Object.entries(state.positions),
    ),
    gauge(
      'redbutton_feed_age_seconds',
      'Age of the last sign of life of the market feed.',
      feedAgeMs === null ? null : feedAgeMs / 1000,
    ),
    gaugeBy(
      'health',
      'redbutton_model_health',
      "1 for the model's health.",
      oneOf(HEALTHS, state.modelHealth),
    ),
    gauge('redbutton_model_rolling_auc', 'AUC of the last resolved predictions.', state.rollingAuc),
    gaugeBy(
      'layer',
      'redbutton_layer_fault',
      '1 where a layer reports a fault.',
      layers.map(({ layer, state: of }) => [layer, of === 'fault' ? 1 : 0]),
    ),
    gaugeBy(
      'layer',
      'redbutton_layer_last_success_timestamp_seconds',
      "Time of a layer's last success.",
      layers.flatMap(({ layer, lastSuccessMs }) =>
        lastSuccessMs === null ? [] : [[layer, lastSuccessMs / 1000] as const],
      ),
    ),
    gauge('redbutton_temperature_celsius', 'Temperature of the processor.', state.temperatureC),
  ];
}

function counterFamilies(counts: Counts): MetricFamily[] {
  return Object.entries<Counter>(COUNTERS).map(([name, { help, label, of = 'stream' }]) => ({
    name: `redbutton_${name}`,
    help,
    type: 'counter',
    samples: [...(counts.get(name as CounterName) ?? [])].map(([key, value]) => {
      const [stream, content] = JSON.parse(key) as [string, string];
      return { labels: { [of]: stream, [label]: content }, value };
    }),
  }));
}
