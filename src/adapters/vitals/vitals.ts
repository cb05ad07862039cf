import { readFile, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Alerts } from '../../core/alert.js';
import { messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';

/** What the box says of its own body; null where it has no such sensor. */
export interface Vitals {
  readonly temperatureC: number | null;
  readonly undervoltage: boolean | null;
  readonly freePct: number | null;
}

export interface VitalsWatch {
  start(): void;
  stop(): Promise<void>;
  /** The newest reading, for the retained state. */
  last(): Vitals;
}

export interface VitalsOptions {
  /** Whose disk is watched: where orders are written down. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: AlertLog;
  readonly alerts: Alerts;
  readonly everyMs?: number;
  /** Root of sysfs; tests hand in a folder of their own. */
  readonly sysDir?: string;
  readonly temperatureCMax?: number;
  readonly freePctMin?: number;
}

/** The Pi slows itself down from 80 °C on (documentation of config.txt, `temp_soft_limit` and `temp_limit`). */
export const TEMPERATURE_C_MAX = 78;
const FREE_PCT_MIN = 10;
/** How far a reading must come back before the same alert may be raised again. */
const TEMPERATURE_BACK_C = 5;
const FREE_BACK_PCT = 2;

/** Bit 0 of the firmware's `get_throttled` word: undervoltage now (Raspberry Pi documentation, `vcgencmd get_throttled`). */
const UNDERVOLTAGE_NOW = 0x1;
/** Bit 16: undervoltage has occurred. */
const UNDERVOLTAGE_SINCE_BOOT = 0x1_0000;
const THROTTLED_FILE = 'devices/platform/soc/soc:firmware/get_throttled';

/** Reads temperature (thermal zone), undervoltage (the Pi's firmware through sysfs, without a process) and free disk. */
export async function readVitals(stateDir: string, sysDir = '/sys'): Promise<Vitals> {
  const milli = await numberIn(path.join(sysDir, 'class/thermal/thermal_zone0/temp'), 10);
  const throttled = await numberIn(path.join(sysDir, THROTTLED_FILE), 16);
  const disk = await statfs(stateDir).catch(() => null);
  return {
    temperatureC: milli === null ? null : milli / 1000,
    undervoltage: throttled === null ? null : (throttled & UNDERVOLTAGE_NOW) !== 0,
    freePct: disk === null || disk.blocks === 0 ? null : (disk.bavail / disk.blocks) * 100,
  };
}

/** Of the firmware's word: undervoltage now, and at any time since boot; null on another machine. */
export async function readUndervoltage(
  sysDir = '/sys',
): Promise<{ readonly now: boolean; readonly sinceBoot: boolean } | null> {
  const throttled = await numberIn(path.join(sysDir, THROTTLED_FILE), 16);
  if (throttled === null) return null;
  return {
    now: (throttled & UNDERVOLTAGE_NOW) !== 0,
    sinceBoot: (throttled & UNDERVOLTAGE_SINCE_BOOT) !== 0,
  };
}

/** Watches the box's body and raises TEMPERATURE, UNDERVOLTAGE and DISK_LOW, once each time a limit is crossed. */
export function createVitalsWatch(options: VitalsOptions): VitalsWatch {
  const temperatureCMax = options.temperatureCMax ?? TEMPERATURE_C_MAX;
  const freePctMin = options.freePctMin ?? FREE_PCT_MIN;
  let newest: Vitals = { temperatureC: null, undervoltage: null, freePct: null };
  let hot = false;
  let weak = false;
  let full = false;
  let running = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function look(): Promise<void> {
    newest = await readVitals(options.stateDir, options.sysDir);
    const { temperatureC, undervoltage, freePct } = newest;
    if (temperatureC !== null) {
      if (!hot && temperatureC >= temperatureCMax) {
        hot = true;
        await options.alerts.raise('TEMPERATURE', { celsius: temperatureC });
      } else if (temperatureC < temperatureCMax - TEMPERATURE_BACK_C) hot = false;
    }
    if (undervoltage === true && !weak) await options.alerts.raise('UNDERVOLTAGE', {});
    weak = undervoltage === true;
    if (freePct !== null) {
      if (!full && freePct < freePctMin) {
        full = true;
        await options.alerts.raise('DISK_LOW', { path: options.stateDir, freePct });
      } else if (freePct > freePctMin + FREE_BACK_PCT) full = false;
    }
  }

  async function watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await look().catch((error) => {
        options.log.warn(
          { errorCode: 'E_VITALS', detail: messageOf(error) },
          'the box cannot read its sensors',
        );
      });
      await options.clock.sleep(options.everyMs ?? 30_000, signal).catch(() => {});
    }
  }

  return {
    start() {
      running = new AbortController();
      loop = watch(running.signal);
    },
    async stop() {
      running.abort(new Error('stopping'));
      await loop;
    },
    last: () => newest,
  };
}

/** The number a sysfs file holds; null where there is no such file or it holds none. */
async function numberIn(file: string, radix: number): Promise<number | null> {
  const text = await readFile(file, 'utf8').catch(() => null);
  const value = text === null ? Number.NaN : Number.parseInt(text.trim(), radix);
  return Number.isFinite(value) ? value : null;
}
