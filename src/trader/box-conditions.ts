import type { Alerts } from '../core/alert.js';
import type { ErrorCode } from '../core/error-catalogue.js';
import type { LayerHealth } from '../core/health.js';
import type { TradingState } from '../core/trading-state.js';
import type { TradingStateSource } from '../ports/guard.js';
import type { Clock } from '../ports/time.js';

/** What is measured of the box; a probe that fails counts as the condition not being met. */
export interface BoxProbes {
  /** Whether the system clock is synchronised. */
  readonly synchronised: () => Promise<boolean>;
  /** The exchange's clock less ours, milliseconds; null where it could not be measured this time. */
  readonly offsetMs: () => Promise<number | null>;
  readonly disk: () => Promise<{ readonly freeBytes: number; readonly freePct: number }>;
}

export interface BoxConditionsOptions {
  readonly probes: BoxProbes;
  readonly clock: Clock;
  readonly alerts: Alerts;
  /** Largest offset to the exchange, either way. */
  readonly offsetMsMax: number;
  readonly diskReserveBytes: number;
  /** Whose disk, for people. */
  readonly stateDir: string;
}

/** Conditions without which the box must not trade, or not even take a bar. */
export interface BoxConditions {
  /** Resolves when bars may be taken, or rejects with the signal's reason. */
  ready(signal: AbortSignal): Promise<void>;
  /** Looks every half minute until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** The guard's state, or a lower one while a condition is not met. */
  limit(states: TradingStateSource): TradingStateSource;
  health(): readonly LayerHealth[];
}

const LOOK_MS = 30_000;
/** While bars wait for a condition, it is looked at more often. */
const WAITING_LOOK_MS = 1000;
/** Below this part of the reserve nothing is taken any more, so that intents and fills still find room. */
const FLOOR_OF_RESERVE = 0.2;
/** Free space must come back by this factor before the box trades on. */
const DISK_BACK = 1.1;
/** An offset is believed for so long when it cannot be measured again. */
const OFFSET_AGE_MS_MAX = 600_000;

export function createBoxConditions(options: BoxConditionsOptions): BoxConditions {
  const { probes, clock, alerts } = options;
  /** Not known yet is not met: nothing is taken before the first look. */
  let synchronised = false;
  let offset: { readonly ms: number; readonly atMs: number } | null = null;
  let disk: 'unknown' | 'fine' | 'low' | 'full' = 'unknown';
  let told: Record<'clock' | 'disk', boolean> = { clock: false, disk: false };
  let looking: Promise<void> | null = null;
  let okMs: number | null = null;

  function clockFault(): string | null {
    if (!synchronised) return 'the system clock is not synchronised';
    if (offset === null) return 'the offset to the exchange is not known';
    if (Math.abs(offset.ms) >= options.offsetMsMax)
      return `the clock is off by ${Math.round(offset.ms)} ms against the exchange`;
    return null;
  }

  async function lookNow(): Promise<void> {
    synchronised = await probes.synchronised().catch(() => false);
    const nowMs = clock.monotonicMs();
    const measured = await probes.offsetMs().catch(() => null);
    // Before synchronisation the clock may jump, and an offset measured then says nothing about after.
    if (!synchronised) offset = null;
    else if (measured !== null) offset = { ms: measured, atMs: nowMs };
    else if (offset !== null && nowMs - offset.atMs > OFFSET_AGE_MS_MAX) offset = null;
    const space = await probes.disk().catch(() => null);
    if (space === null) disk = 'unknown';
    else {
      const wanted = options.diskReserveBytes * (disk === 'low' || disk === 'full' ? DISK_BACK : 1);
      const floor = options.diskReserveBytes * FLOOR_OF_RESERVE;
      disk = space.freeBytes < floor ? 'full' : space.freeBytes < wanted ? 'low' : 'fine';
    }
    const clockOff = clockFault() !== null;
    const diskLow = disk === 'low' || disk === 'full';
    const before = told;
    told = { clock: clockOff, disk: diskLow };
    if (!clockOff && !diskLow) okMs = clock.wallMs();
    if (clockOff && !before.clock) await alerts.raise('CLOCK_OFF', { offsetMs: offset?.ms ?? 0 });
    if (diskLow && !before.disk)
      await alerts.raise('DISK_LOW', { path: options.stateDir, freePct: space?.freePct ?? 0 });
  }

  /** One look at a time, whoever asks. */
  function look(): Promise<void> {
    looking ??= lookNow().finally(() => {
      looking = null;
    });
    return looking;
  }

  const mayTake = () => clockFault() === null && disk !== 'full' && disk !== 'unknown';

  function allowed(state: TradingState): TradingState {
    if (!mayTake()) return 'HALTED';
    return disk === 'low' && state === 'ACTIVE' ? 'REDUCING' : state;
  }

  return {
    async ready(signal) {
      while (!mayTake()) {
        signal.throwIfAborted();
        await look();
        if (!mayTake()) await clock.sleep(WAITING_LOOK_MS, signal);
      }
    },
    async run(signal) {
      while (!signal.aborted) {
        await look().catch((error: unknown) => {
          // An alert that cannot be stored must not end the watch.
          if (signal.aborted) throw error;
        });
        // An aborted sleep rejects, and the loop ends by its own condition.
        await clock.sleep(LOOK_MS, signal).catch(() => undefined);
      }
    },
    limit: (states) => ({ state: () => allowed(states.state()) }),
    health() {
      const fault = clockFault();
      const full = disk === 'fine' ? null : `free space is ${disk}`;
      return [layerOf('clock', fault, 'E_CLOCK_OFF', okMs), layerOf('disk', full, 'E_DISK_LOW', okMs)];
    },
  };
}

function layerOf(layer: string, detail: string | null, code: ErrorCode, okMs: number | null): LayerHealth {
  return {
    layer,
    state: detail === null ? 'ok' : 'fault',
    lastSuccessMs: okMs,
    errorCode: detail === null ? null : code,
    detail,
  };
}
