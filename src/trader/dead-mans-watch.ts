import type { DeadMansSwitch } from '../adapters/ccxt/index.js';
import type { Alerts } from '../core/alert.js';
import { messageOf, RedbuttonError } from '../core/errors.js';
import type { Clock } from '../ports/time.js';

export interface DeadMansWatchOptions {
  readonly exchange: string;
  readonly device: DeadMansSwitch;
  /** What the switch is wound up to; it is wound again after a quarter of that. */
  readonly seconds: number;
  readonly clock: Clock;
  readonly alerts: Alerts;
  readonly log: { warn(figures: object, text: string): void; error(figures: object, text: string): void };
}

/**
 * Keeps an exchange's own dead man's switch wound up for as long as the trader lives: what rests there when the box dies is
 * cancelled by the exchange. It protects what the box can no longer; nothing waits for it. That it cannot be wound is told
 * once it may have run down.
 */
export function createDeadMansWatch(options: DeadMansWatchOptions): { start(): void; stop(): Promise<void> } {
  const { exchange, device, seconds, clock, alerts, log } = options;
  const layer = `dead man's switch at ${exchange}`;
  const running = new AbortController();
  let loop: Promise<void> = Promise.resolve();

  async function wind(signal: AbortSignal): Promise<void> {
    let woundMs = clock.monotonicMs();
    let told = false;
    while (!signal.aborted) {
      try {
        await device.wind(seconds);
        if (told) await alerts.raise('LAYER_BACK', { layer, afterMs: clock.monotonicMs() - woundMs });
        told = false;
        woundMs = clock.monotonicMs();
      } catch (error) {
        log.warn({ exchange, detail: messageOf(error) }, "the dead man's switch was not wound up");
        if (!told && clock.monotonicMs() - woundMs > seconds * 1000) {
          told = true;
          await alerts.raise('LAYER_FAULT', {
            layer,
            errorCode: error instanceof RedbuttonError ? error.code : 'E_DEAD_MANS_SWITCH',
            detail: messageOf(error),
          });
        }
      }
      await clock.sleep(seconds * 250, signal).catch(() => undefined);
    }
  }

  return {
    start() {
      loop = wind(running.signal).catch((error: unknown) => log.error({ err: error }, 'an alert was lost'));
    },
    /** A trader that stops in order has nothing resting but what it means to leave there. */
    async stop() {
      running.abort(new Error('stopping'));
      await loop;
      await device
        .off()
        .catch((error: unknown) =>
          log.warn(
            { exchange, detail: messageOf(error) },
            "the dead man's switch could not be taken off and runs down",
          ),
        );
    },
  };
}
