import { setFlagsFromString } from 'node:v8';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../adapters/clock/system-scheduler.js';
import { SimulatedGpio } from '../../adapters/gpio/simulated.js';
import { createLog } from '../../adapters/log/log.js';
import { giveMemoryBack } from '../../adapters/native/memory.js';
import { createServiceManager } from '../../adapters/systemd/notify.js';
import { pathsOf } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import { packageVersion } from '../../console/package-version.js';
import { EXIT } from '../../core/errors.js';
import { createFollowingClock } from '../../simulator/index.js';
import { createTrader } from '../../trader/trader.js';
import { CONFIG_OPTION, configFrom } from '../config-option.js';
import { defaultGuardSocket, reportTraderEnd } from './trader-end.js';

export const command = defineCommand({
  name: 'run',
  summary: 'run the trader: the service itself',
  about: `Runs the trader in the foreground until it is stopped (SIGTERM, SIGINT):
backfills, follows the configured streams, decides on each closed bar, trades (on
paper, unless mode = "live" is earned: docs/operations.md), stores everything and
alerts the phone. Logs one line of JSON per event.

No entry leaves without the guard's permit: run redbutton guard alongside, or set
guard.mode = "in-process" (paper only).`,
  options: { config: CONFIG_OPTION },
  more: `Secrets come from systemd's credentials directory or from the environment
(REDBUTTON_MQTT_USERNAME, REDBUTTON_MQTT_PASSWORD, REDBUTTON_<EXCHANGE>_API_KEY,
REDBUTTON_<EXCHANGE>_API_SECRET), never from the file.

Exit codes: 0 stopped on request; 1 failed; 2 bad configuration or bad input.`,
  async run(values, io) {
    // V8 lets its heap grow by the memory of the machine; one that holds a third more than is alive is enough for bars.
    setFlagsFromString('--heap-growing-percent=30');
    const keepMemory = giveMemoryBack();
    const config = await configReported(values.config);
    const log = createLog(config.log.level);
    // A simulated exchange has a time of its own, which everything but permits and watchdogs must live in.
    const simulated = config.exchange.find(
      ({ restUrl, simulatedTime }) => restUrl !== undefined && simulatedTime,
    );
    const following = simulated && (await createFollowingClock(simulated.restUrl!));
    const clock = following ?? createSystemClock();
    const { guard, gpio } = config;
    const lines =
      guard.mode === 'in-process'
        ? { gpio: new SimulatedGpio({ [gpio.buttonLine]: guard.contact === 'nc' ? 0 : 1 }) }
        : {};
    try {
      const trader = await createTrader({
        config,
        env: io.env,
        clock,
        rng: { next: Math.random },
        log,
        version: packageVersion(),
        ...lines,
        ...(following ? { onArrival: (closeMs: number) => following.atLeast(closeMs) } : {}),
      });
      const manager = createServiceManager(io.env, createSystemScheduler(), () => true);
      try {
        await trader.start();
        manager.ready();
        await trader.run(io.signal);
      } finally {
        manager.stopping();
        await trader.stop();
      }
    } catch (error) {
      await reportTraderEnd(pathsOf(config.device).guardSocket, error);
      throw error;
    } finally {
      following?.stop();
      keepMemory();
    }
    return EXIT.fine;
  },
});

/** A configuration that cannot be read is a trader that cannot start: the phone must hear of it. */
async function configReported(option: string | undefined): Promise<Config> {
  try {
    return configFrom(option);
  } catch (error) {
    await reportTraderEnd(defaultGuardSocket(), error);
    throw error;
  }
}
