import type { Fill } from '../../core/order.js';
import type { BoxState } from '../../ports/alerts.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import type { Delivery } from '../alert-delivery/alert-pump.js';
import type { Topics } from './topics.js';

export interface StatePublisherOptions {
  readonly device: string;
  readonly topics: Topics;
  readonly clock: Clock;
  readonly log: AlertLog;
  /** The retained state is repeated at least this often. */
  readonly repeatMs: number;
  /** The picture as of now, for the repetitions; without it the last one is sent again. */
  readonly stateNow?: (() => BoxState) | undefined;
  readonly link: {
    up(): boolean;
    publish(topic: string, payload: string, retain: boolean): Promise<Delivery>;
  };
}

export interface StatePublisher {
  start(): void;
  stop(): Promise<void>;
  connected(): void;
  publishState(state: BoxState): void;
  publishFill(fill: Fill): void;
}

/** Fills kept for an absent broker. The truth about fills is in the store; this is news. */
const FILLS_MAX = 500;

/**
 * Retained state at each change and each minute, health and fills as events. Only the newest state is ever on its way;
 * a slow broker sees fewer states, never older ones.
 */
export function createStatePublisher(options: StatePublisherOptions): StatePublisher {
  const { clock, link, topics, log } = options;
  const fills: Fill[] = [];
  let newest: BoxState | undefined;
  let dirty = false;
  let stateFlying = false;
  let fillsFlying = false;
  let lastShown = '';
  let lastHealth = '';
  let running = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function flushState(): Promise<void> {
    if (stateFlying) return;
    stateFlying = true;
    while (dirty && newest !== undefined && link.up()) {
      dirty = false;
      const state = newest;
      try {
        await link.publish(topics.state, JSON.stringify(statePayload(options.device, state)), true);
        const health = JSON.stringify(
          state.layers.map(({ layer, state: of, errorCode }) => [layer, of, errorCode]),
        );
        if (health !== lastHealth) {
          await link.publish(topics.health, JSON.stringify(healthPayload(options.device, state)), false);
          lastHealth = health;
        }
      } catch {
        // The connection ended, or the broker refused it: the link has said so; the next change or minute sends it anew.
        break;
      }
    }
    stateFlying = false;
  }

  async function flushFills(): Promise<void> {
    if (fillsFlying) return;
    fillsFlying = true;
    while (fills.length > 0 && link.up()) {
      const fill = fills[0]!;
      try {
        await link.publish(topics.fill, JSON.stringify({ device: options.device, ...fill }), false);
        if (fills[0] === fill) fills.shift();
      } catch {
        break;
      }
    }
    fillsFlying = false;
  }

  async function repeat(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(options.repeatMs, signal).catch(() => {});
      if (signal.aborted) return;
      newest = options.stateNow?.() ?? newest;
      dirty = true;
      void flushState();
      void flushFills();
    }
  }

  return {
    start() {
      running = new AbortController();
      loop = repeat(running.signal);
    },
    async stop() {
      running.abort(new Error('stopping'));
      await loop;
    },
    connected() {
      dirty = true;
      void flushState();
      void flushFills();
    },
    publishState(state) {
      newest = state;
      const shown = changeKey(state);
      if (shown === lastShown) return;
      lastShown = shown;
      dirty = true;
      void flushState();
    },
    publishFill(fill) {
      fills.push(fill);
      if (fills.length > FILLS_MAX) {
        fills.shift();
        log.warn({ errorCode: 'E_MQTT_FILLS' }, 'a fill event was dropped: too many wait for the broker');
      }
      void flushFills();
    },
  };
}

/** The JSON on `state`; described by schemas/state.json. JSON has no word for a number that is not finite: null. */
function statePayload(device: string, state: BoxState): object {
  return {
    device,
    tradingState: state.tradingState,
    mode: state.mode,
    equity: finite(state.equity),
    drawdown: finite(state.drawdown),
    positions: Object.fromEntries(
      Object.entries(state.positions).map(([symbol, units]) => [symbol, finite(units)]),
    ),
    feedAgeMs: finite(state.feedAgeMs),
    modelHealth: state.modelHealth,
    rollingAuc: finite(state.rollingAuc),
    temperatureC: finite(state.temperatureC ?? null),
    problem: state.layers.some((layer) => layer.state === 'fault') || state.modelHealth === 'CRITICAL',
    version: state.version,
    at: new Date(state.atMs).toISOString(),
    atMs: state.atMs,
  };
}

/** The JSON on `health`; described by schemas/health.json. */
function healthPayload(device: string, state: BoxState): object {
  return { device, modelHealth: state.modelHealth, layers: state.layers, atMs: state.atMs };
}

/** What counts as a change: all but the hands of the clock, which move by themselves. */
function changeKey(state: BoxState): string {
  const { atMs: _at, feedAgeMs, layers, ...rest } = state;
  return JSON.stringify([
    rest,
    feedAgeMs === null,
    layers.map(({ layer, state: layerState, errorCode }) => [layer, layerState, errorCode]),
  ]);
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
