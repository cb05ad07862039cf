import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { openGpio } from '../../../src/adapters/gpio/open-gpio.js';
import { gpioContract } from '../../contract/gpio.js';
import { simulatedBank } from './simulated-bank.js';

const clock = createSystemClock();

for (const backend of ['onoff', 'chardev'] as const) {
  gpioContract(`${backend} on a kernel's simulated bank`, async () => {
    const bank = simulatedBank();
    const note = join(mkdtempSync(join(tmpdir(), 'rb-')), 'lines');
    return {
      gpio: openGpio({ backend, chipLabels: ['pinctrl-bcm2711'], bias: 'as-is', debounceMs: 0 }, note, clock),
      inputLine: 5,
      outputLine: 17,
      absentLine: 54,
      drive: (level) => bank.drive(5, level),
      seen: () => bank.level(17),
      async arrived(isSo) {
        const untilMs = clock.monotonicMs() + 5000;
        while (!isSo()) {
          if (clock.monotonicMs() > untilMs) throw new Error('what was driven did not arrive in 5 s');
          await delay(5);
        }
        // An edge that should not come is given its time as well.
        await delay(50);
      },
      async dispose() {},
    };
  });
}
