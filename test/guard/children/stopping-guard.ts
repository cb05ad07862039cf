import { execFileSync } from 'node:child_process';
import { open } from 'node:fs';
import { join } from 'node:path';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../../src/adapters/clock/system-scheduler.js';
import { SimulatedGpio } from '../../../src/adapters/gpio/simulated.js';
import { createTraderLinkServer } from '../../../src/adapters/guard-link/server.js';
import { TIMER_IN_PLACE } from '../../../src/adapters/native/process-end.js';
import { pathsOf } from '../../../src/config/paths.js';
import { configSchema } from '../../../src/config/schema.js';
import { messageOf } from '../../../src/core/errors.js';
import { ComposedGuard } from '../../../src/guard/compose.js';
import { endGuard } from '../../../src/guard/end-guard.js';
import { PAPER_CANCELLER } from '../../../src/guard/paper-canceller.js';
import { linesOf, settingsOf } from '../../../src/guard/settings.js';
import { TraderDoor } from '../../../src/guard/trader-door.js';

/**
 * A guard one of whose steps on the way down fails: `DIR STEP HOW [no addon]`. It prints the names of its steps; at SIGTERM the step
 * does what HOW says in place of what it should.
 */
const [dir = '', failing = '', how = '', addon = ''] = process.argv.slice(2);
const HOW: Readonly<Record<string, () => void | Promise<void>>> = {
  throws() {
    throw new Error('made to fail');
  },
  'never ends': () => new Promise<void>(() => {}),
  'never gives the loop back'() {
    for (;;);
  },
  'hangs on the disk'() {
    const fifo = join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    // A thread of the pool waits for a reader that never comes.
    return new Promise<void>(() => open(fifo, 'w', () => {}));
  },
};
const paths = pathsOf({ name: 'box', stateDir: join(dir, 'state'), runDir: dir });
const scheduler = createSystemScheduler();
const composed = new ComposedGuard(
  {
    paths,

    settings: settingsOf(configSchema.shape.guard.parse({})),
    lines: { ...linesOf(configSchema.shape.gpio.parse({})), reset: 6 },
    gpio: new SimulatedGpio(),
    clock: createSystemClock(),
    scheduler,
    canceller: PAPER_CANCELLER,
    simulatedButton: null,
    killTrader: () => 'there is none',
    onNotice() {},
  },
  (guard, declined) => [
    createTraderLinkServer(
      paths.guardLinkSocket,
      new TraderDoor(join(dir, 'state'), declined).acceptFor(guard),
    ),
  ],
);
await composed.start();
process.stdout.write(`${JSON.stringify({ steps: composed.stopSteps.map(({ name }) => name) })}\n`);
await new Promise<void>((resolve) => process.once('SIGTERM', () => resolve()));
// What hangs is not let off by an empty event loop.
setInterval(() => {}, 1000);
const steps = composed.stopSteps.map((step) =>
  step.name === failing ? { ...step, run: () => HOW[how]!() } : step,
);
try {
  await endGuard(steps, scheduler, 0, ...(addon === 'no addon' ? [TIMER_IN_PLACE] : []));
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
}
