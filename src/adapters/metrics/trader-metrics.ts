import { type StreamKey, streamName } from '../../core/candle.js';
import type { BoxState } from '../../ports.js';

/** What happened on one bar, as far as it is counted. */
export interface CountedBar {
  readonly stream: StreamKey;
  /** What became of the bar: `decided`, `rejected`, `learned` … */
  readonly kind: string;
  readonly signal: string | null;
  /** Why risk refused the signal. */
  readonly refusal: string | null;
  /** Status of each order told with this bar. */
  readonly orders: readonly string[];
  readonly fills: number;
}

/** The trader's figures for Prometheus. Counters start at zero with the process; gauges tell the state when asked. */
export interface TraderMetrics {
  countBar(bar: CountedBar): void;
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
  refusals_total: { help: 'Signals that risk refused, by reason.', label: 'reason' },
  order_outcomes_total: { help: 'Outcomes of orders, by status.', label: 'status' },
  fills_total: { help: 'Fills.', label: 'kind' },
} as const;
type CounterName = keyof typeof COUNTERS;

/** Counts from the start, but loads prom-client only when somebody asks: a box without a Prometheus saves its memory. */
export function createTraderMetrics(options: TraderMetricsOptions): TraderMetrics {
  const counts = new Map<CounterName, Map<string, number>>();
  let registry: Promise<Registered> | null = null;

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
      if (bar.refusal !== null) count('refusals_total', stream, bar.refusal);
      for (const status of bar.orders) count('order_outcomes_total', stream, status);
      if (bar.fills > 0) count('fills_total', stream, 'fill', bar.fills);
    },
    async text() {
      registry ??= register(options);
      const { look, metrics } = await registry;
      look(options.state(), counts);
      return metrics();
    },
  };
}

interface Registered {
  look(state: BoxState, counts: ReadonlyMap<CounterName, ReadonlyMap<string, number>>): void;
  metrics(): Promise<string>;
}

async function register({ version, mode }: TraderMetricsOptions): Promise<Registered> {
  const { collectDefaultMetrics, Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `redbutton_${name}`, help, labelNames, registers });
  gauge('info', 'Always 1; version and mode are its labels.', ['version', 'mode'])
    .labels(version, mode)
    .set(1);
  const tradingState = gauge('trading_state', '1 for the trading state the box is in.', ['state']);
  const equity = gauge('equity', 'Equity of the account in quote currency.');
  const drawdown = gauge('drawdown_fraction', 'Fall of equity from its peak, as a fraction of it.');
  const position = gauge('position_units', 'Units held, signed, by market.', ['market']);
  const feedAge = gauge('feed_age_seconds', 'Age of the last sign of life of the market feed.');
  const modelHealth = gauge('model_health', "1 for the model's health.", ['health']);
  const auc = gauge('model_rolling_auc', 'AUC of the last resolved predictions.');
  const layerFault = gauge('layer_fault', '1 where a layer reports a fault.', ['layer']);
  const layerSuccess = gauge('layer_last_success_timestamp_seconds', "Time of a layer's last success.", [
    'layer',
  ]);
  const temperature = gauge('temperature_celsius', 'Temperature of the processor.');
  const counters = Object.entries(COUNTERS).map(
    ([name, { help, label }]) =>
      [
        name as CounterName,
        label,
        new Counter({ name: `redbutton_${name}`, help, labelNames: ['stream', label], registers }),
      ] as const,
  );

  /** A gauge without a value says NaN, which is what Prometheus has for it; never zero. */
  const orNaN = (value: number | null | undefined) => value ?? Number.NaN;

  return {
    look(state, counts) {
      for (const name of STATES) tradingState.labels(name).set(state.tradingState === name ? 1 : 0);
      for (const name of HEALTHS) modelHealth.labels(name).set(state.modelHealth === name ? 1 : 0);
      equity.set(orNaN(state.equity));
      drawdown.set(orNaN(state.drawdown));
      feedAge.set(state.feedAgeMs === null ? Number.NaN : state.feedAgeMs / 1000);
      auc.set(orNaN(state.rollingAuc));
      temperature.set(orNaN(state.temperatureC));
      position.reset();
      for (const [market, units] of Object.entries(state.positions)) position.labels(market).set(units);
      for (const { layer, state: of, lastSuccessMs } of state.layers) {
        layerFault.labels(layer).set(of === 'fault' ? 1 : 0);
        if (lastSuccessMs !== null) layerSuccess.labels(layer).set(lastSuccessMs / 1000);
      }
      for (const [name, label, counter] of counters) {
        counter.reset();
        for (const [key, value] of counts.get(name) ?? []) {
          const [stream, word] = JSON.parse(key) as [string, string];
          counter.inc({ stream, [label]: word }, value);
        }
      }
    },
    metrics: () => registry.metrics(),
  };
}
