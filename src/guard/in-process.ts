import type { SimulatedGpio } from '../adapters/gpio/simulated.js';
import { createRequestRunner } from '../adapters/guard-link/requests.js';
import { pathsOf } from '../config/paths.js';
import type { Config } from '../config/schema.js';
import { invariant } from '../core/errors.js';
import type { Gpio } from '../ports/gpio.js';
import type { GuardLink, GuardRequests } from '../ports/guard.js';
import type { Clock, Scheduler } from '../ports/time.js';
import { ComposedGuard, type GuardParts } from './compose.js';
import type { SimulatedButton } from './control.js';
import type { Guard, GuardNotice } from './guard.js';
import { PAPER_CANCELLER } from './paper-canceller.js';
import { linesOf, settingsOf } from './settings.js';

export interface InProcessOptions {
  readonly config: Pick<Config, 'mode' | 'device' | 'guard' | 'gpio'>;
  readonly clock: Clock;
  readonly scheduler: Scheduler;
  readonly gpio: Gpio;
  readonly simulatedButton: SimulatedButton | null;
  onNotice(notice: GuardNotice): void;
}

/**
 * The guard inside the trader's process: the same guard, permit file, armed record and control socket, but it dies and
 * hangs together with the trader. For paper mode only; the configuration refuses it for live.
 */
export class InProcessGuard extends ComposedGuard {
  readonly #clock: Clock;

  constructor(options: InProcessOptions) {
    super(partsOf(options));
    this.#clock = options.clock;
  }

  /** The trader's end, without a socket between. */
  link(requests: GuardRequests): GuardLink {
    return createDirectLink(this.guard, requests, this.#clock);
  }
}

function partsOf(options: InProcessOptions): GuardParts {
  const { config, clock, scheduler, gpio, simulatedButton } = options;
  invariant(config.mode === 'paper', 'a guard in the process is for paper mode only');
  return {
    ...{ clock, scheduler, gpio, simulatedButton },
    paths: pathsOf(config.device),
    secondRecord: config.guard.secondRecord ?? null,
    settings: settingsOf(config.guard),
    lines: linesOf(config.gpio),
    canceller: PAPER_CANCELLER,
    killTrader: () => 'it is the guard’s own process; left alone',
    onNotice: (notice) => options.onNotice(notice),
  };
}

/** Hands messages over directly. No beats: one event loop cannot fall silent in part. */
function createDirectLink(guard: Guard, requests: GuardRequests, clock: Pick<Clock, 'sleep'>): GuardLink {
  let end: ReturnType<Guard['attachTrader']> | null = null;
  const runner = createRequestRunner(requests, clock, (message) => end?.receive(message));
  return {
    start() {
      end = guard.attachTrader({
        beats: false,
        pid: null,
        send: (message) => runner.receive(message),
        close: () => runner.stop(),
      });
      end.receive({ type: 'hello', pid: process.pid });
    },
    async stop() {
      runner.stop();
      end?.closed();
      end = null;
    },
    requestHalt(detail) {
      end?.receive({ type: 'halt', detail });
    },
  };
}

/** The button of a simulated bank: released at first, as a sound contact. */
export function simulatedButtonOf(
  gpio: SimulatedGpio,
  config: Pick<Config, 'guard' | 'gpio'>,
): SimulatedButton {
  const pressedLevel = config.guard.contact === 'nc' ? 1 : 0;
  return (pressed) =>
    gpio.setLevel(config.gpio.buttonLine, pressed ? pressedLevel : pressedLevel === 1 ? 0 : 1);
}
