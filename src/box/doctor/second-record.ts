import { readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pathsOf } from '../../config/paths.js';
import { BLOCK_BYTES } from '../../guard/armed-record.js';
import { whyNotApart } from '../../guard/second-place.js';
import { type Check, failed, findingOf, ok, warning } from './finding.js';

const NAME = 'second record';
const MOUNT = 'see that its file system is mounted; systemctl status redbutton-record, docs/operations.md';

/** Whether a halt is recorded on a second file system, too. */
export const secondRecord: Check = {
  name: NAME,
  async look({ config }) {
    const { armedRecord, secondRecordPlace } = pathsOf(config.device);
    const file = config.guard.secondRecord ?? handedOver(secondRecordPlace);
    if (file === null)
      return [
        warning(
          NAME,
          'there is none: a halt is recorded on one file system alone, and forgotten where this one fails and power goes, too',
          'a card flashed with a newer image has one; or set guard.secondRecord (docs/operations.md)',
        ),
      ];
    try {
      const { size } = await stat(file);
      if (size !== BLOCK_BYTES)
        return [
          failed(NAME, `${file} has ${size} bytes in place of ${BLOCK_BYTES}`, 'see docs/operations.md'),
        ];
    } catch (error) {
      return [
        (error as NodeJS.ErrnoException).code === 'ENOENT'
          ? failed(NAME, `${file} is missing: a halt is recorded on one file system alone`, MOUNT)
          : findingOf(NAME, error, MOUNT),
      ];
    }
    const together = await whyNotApart(armedRecord, file);
    return [
      together === null
        ? ok(NAME, `${file}, on a file system of its own`)
        : failed(NAME, together, 'let guard.secondRecord be on another partition or disk'),
    ];
  },
};

/** What the image hands to the guard; null where its card has no place for it, or this is no image. */
function handedOver(place: string): string | null {
  try {
    return /^REDBUTTON_SECOND_RECORD=(.+)$/m.exec(readFileSync(place, 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}
