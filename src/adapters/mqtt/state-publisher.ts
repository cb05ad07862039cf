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

/** Fills kept for an absent broker. The truth about fills is in the store; this is news. */
const FILLS_MAX = 500;

/**
 * Retained state at each change and each minute, health and fills as events. Only the newest state is ever on its way;
 * a slow broker sees fewer states, never older ones.
 */
export class StatePublisher {
  readonly #options: StatePublisherOptions;
  readonly #fills: Fill[] = [];
  #newest: BoxState | undefined;
  #dirty = false;
  #stateFlying = false;
  #fillsFlying = false;
  #lastShown = '';
  #lastHealth = '';
  #running = new AbortController();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: StatePublisherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running = new AbortController();
    this.#loop = this.#repeat(this.#running.signal);
  }

  async stop(): Promise<void> {
    this.#running.abort(new Error('stopping'));
    await this.#loop;
  }

  connected(): void {
    this.#dirty = true;
    void this.#flushState();
    void this.#flushFills();
  }

  publishState(state: BoxState): void {
    this.#newest = state;
    const shown = changeKey(state);
    if (shown === this.#lastShown) return;
    this.#lastShown = shown;
    this.#dirty = true;
    void this.#flushState();
  }

  publishFill(fill: Fill): void {
    this.#fills.push(fill);
    if (this.#fills.length > FILLS_MAX) {
      this.#fills.shift();
      this.#options.log.warn(
        { errorCode: 'E_MQTT_FILLS' },
        'a fill event was dropped: too many wait for the broker',
      );
    }
    void this.#flushFills();
  }

  async #flushState(): Promise<void> {
    if (this.#stateFlying) return;
    this.#stateFlying = true;
    while (this.#dirty && this.#newest !== undefined && this.#options.link.up()) {
      this.#dirty = false;
      try {
        await this.#send(this.#newest);
      } catch {
        // The connection ended, or the broker refused it: the link has said so; the next change or minute sends it again.
        break;
      }
    }
    this.#stateFlying = false;
  }

  async #send(state: BoxState): Promise<void> {
    const { link, topics, device } = this.#options;
    await link.publish(topics.state, JSON.stringify(statePayload(device, state)), true);
    const health = healthKey(state);
    if (health === this.#lastHealth) return;
    await link.publish(topics.health, JSON.stringify(healthPayload(device, state)), false);
    this.#lastHealth = health;
  }

  async #flushFills(): Promise<void> {
    const { link, topics, device } = this.#options;
    if (this.#fillsFlying) return;
    this.#fillsFlying = true;
    while (this.#fills.length > 0 && link.up()) {
      const fill = this.#fills[0]!;
      try {
        await link.publish(topics.fill, JSON.stringify({ device, ...fill }), false);
        if (this.#fills[0] === fill) this.#fills.shift();
      } catch {
        break;
      }
    }
    this.#fillsFlying = false;
  }

  async #repeat(signal: AbortSignal): Promise<void> {
    const { clock, repeatMs, stateNow } = this.#options;
    while (!signal.aborted) {
      await clock.sleep(repeatMs, signal).catch(() => {});
      if (signal.aborted) return;
      this.#newest = stateNow?.() ?? this.#newest;
      this.connected();
    }
  }
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

function healthKey(state: BoxState): string {
  return JSON.stringify(layerStates(state.layers));
}

function layerStates(layers: BoxState['layers']): unknown[] {
  return layers.map(({ layer, state, errorCode }) => [layer, state, errorCode]);
}

/** What counts as a change: all but the hands of the clock, which move by themselves. */
function changeKey(state: BoxState): string {
  const { atMs: _at, feedAgeMs, layers, ...rest } = state;
  return JSON.stringify([rest, feedAgeMs === null, layerStates(layers)]);
}

function finite(value: number | null): number | null {
  return value !== null && Number.isFinite(value) ? value : null;
}
