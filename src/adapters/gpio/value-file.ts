import { fault, messageOf } from '../../core/errors.js';
import type { InputLine } from '../../ports/gpio.js';
import { loadGpioAddon } from './line-addon.js';

/** The level of a line that sysfs shows in a file. */
export type ValueFile = Required<Pick<InputLine, 'read' | 'lookEvery' | 'close'>>;

/**
 * Opens a sysfs line's `value` file, kept open for as long as the line is used. Anything in it but 0 and 1 is no level
 * and fails with `E_GPIO_READ`: an odd answer must trip.
 */
export function openValueFile(path: string): ValueFile {
  const line = loadGpioAddon().gpioValueFile(path);
  const noLevel = (error: unknown) =>
    fault(
      'E_GPIO_READ',
      `${path} gave no level: ${messageOf(error)}`,
      'look at the wiring and the chip',
      error,
    );
  return {
    read() {
      let level: number;
      try {
        level = line.read();
      } catch (error) {
        throw noLevel(error);
      }
      return level === 1 ? 1 : 0;
    },
    lookEvery(periodMs, callback) {
      line.lookEvery(periodMs, (error, level) =>
        callback(error === null ? null : noLevel(error), level === 1 ? 1 : 0),
      );
    },
    close: () => line.close(),
  };
}
