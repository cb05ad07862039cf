import { open, readdir, readFile, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { freeSpace } from '../../adapters/vitals/free-space.js';
import {
  type Check,
  type Finding,
  failed,
  findingOf,
  ok,
  type Patient,
  unchecked,
  warning,
} from './finding.js';

/** f_type of tmpfs and ramfs (statfs(2)). */
const IN_MEMORY = new Set([0x01021994, 0x858458f6]);
const SYNCS = 20;
const RECORD_BYTES = 4096;
/** An order is written down before it is sent; a card this slow costs more than the price moves. */
const SYNC_WARNING_MS = 100;
const SYNC_FAILED_MS = 1000;

/** Room, speed and health of the disk that orders are written down on. */
export const disk: Check = {
  name: 'disk',
  async look(patient) {
    const { stateDir } = patient.config.device;
    try {
      await stat(stateDir);
    } catch (error) {
      return [
        (error as NodeJS.ErrnoException).code === 'ENOENT'
          ? unchecked('disk', `${stateDir} is not there yet`, 'start the services once: they make it')
          : findingOf('disk', error),
      ];
    }
    return [await room(patient), await speed(stateDir), ...(await health(patient))];
  },
};

async function room({ config }: Patient): Promise<Finding> {
  const { stateDir } = config.device;
  const reserveMb = config.storage.diskReserveMb;
  const { type } = await statfs(stateDir);
  if (IN_MEMORY.has(type)) {
    return failed(
      'disk',
      `${stateDir} is in memory: orders and history are lost with the power`,
      'let device.stateDir be on a disk',
    );
  }
  const { freeBytes, freePct } = await freeSpace(stateDir);
  const detail = `${Math.round(freeBytes / 1e6)} MB free (${freePct.toFixed(0)} %), reserve ${reserveMb} MB`;
  if (freeBytes < reserveMb * 1e6) {
    return failed('disk', `${detail}: the box only reduces`, 'make room, or use a larger card');
  }
  return freeBytes < reserveMb * 2e6
    ? warning('disk', detail, 'make room soon, or use a larger card')
    : ok('disk', detail);
}

/** How long a small record takes until it is safe, as the money log writes it. */
async function speed(stateDir: string): Promise<Finding> {
  const file = path.join(stateDir, `.doctor-${process.pid}`);
  try {
    const handle = await open(file, 'wx', 0o600);
    const times: number[] = [];
    try {
      const record = Buffer.alloc(RECORD_BYTES, 0x5a);
      for (let i = 0; i < SYNCS; i++) {
        const startMs = performance.now();
        await handle.write(record);
        await handle.datasync();
        times.push(performance.now() - startMs);
      }
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
    times.sort((a, b) => a - b);
    const [median, worst] = [times[SYNCS / 2]!, times.at(-1)!];
    const detail = `${median.toFixed(1)} ms until a record is safe, ${worst.toFixed(1)} ms at worst of ${SYNCS}`;
    const remedy = 'use a better card (A2, or "high endurance"), or an SSD';
    if (median > SYNC_FAILED_MS) return failed('disk speed', detail, remedy);
    return median > SYNC_WARNING_MS ? warning('disk speed', detail, remedy) : ok('disk speed', detail);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS'
      ? failed(
          'disk speed',
          `${stateDir} is read-only: the kernel may have given the card up`,
          'look at dmesg; save the data and replace the card',
        )
      : findingOf('disk speed', error);
  }
}

/** What card and file system say of themselves: eMMC's wear (JEDEC JESD84-B51), and ext4's count of errors. */
async function health({ sysDir }: Patient): Promise<Finding[]> {
  const findings: Finding[] = [];
  const text = (file: string) =>
    readFile(path.join(sysDir, file), 'utf8').then(
      (t) => t.trim(),
      () => null,
    );
  for (const name of (await names(path.join(sysDir, 'block'))).filter((name) => /^mmcblk\d+$/.test(name))) {
    const life = await text(`block/${name}/device/life_time`);
    const end = await text(`block/${name}/device/pre_eol_info`);
    const made = await text(`block/${name}/device/date`);
    // Two figures in steps of 10 %; 0x0b is beyond what the maker promised.
    const worn = Math.max(0, ...(life?.match(/0x[0-9a-f]+/gi) ?? []).map((step) => Number(step)));
    const late = end === null ? 0 : Number(end);
    if (worn === 0 && late === 0) {
      findings.push(
        ok('card', `${name}${made === null ? '' : `, made ${made}`}: an SD card does not report its wear`),
      );
    } else if (worn >= 0x0b || late >= 3) {
      findings.push(
        failed(
          'card',
          `${name} is worn out (life_time ${life ?? '-'}, pre_eol_info ${end ?? '-'})`,
          'back up and replace it now',
        ),
      );
    } else if (worn >= 0x09 || late === 2) {
      findings.push(
        warning(
          'card',
          `${name} has about ${Math.max(0, (0x0b - worn) * 10)} % of its life left`,
          'back up and replace it soon',
        ),
      );
    } else findings.push(ok('card', `${name} has about ${(0x0b - worn) * 10} % of its life left`));
  }
  for (const name of await names(path.join(sysDir, 'fs/ext4'))) {
    const errors = await text(`fs/ext4/${name}/errors_count`);
    if (errors === null || Number(errors) === 0) continue;
    findings.push(
      failed(
        'file system',
        `ext4 on ${name} has met ${errors} errors`,
        'back up (redbutton backup), then check it: e2fsck; replace the card',
      ),
    );
  }
  return findings;
}

const names = (dir: string) => readdir(dir).catch(() => [] as string[]);
