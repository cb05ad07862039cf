import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

/** How the box learns that its clock is synchronised. */
export type TimeSyncCheck = 'timesync' | 'chrony' | 'none';

/** Made by systemd-timesyncd once it has set the clock from a server (systemd-timesyncd.service(8)). */
const TIMESYNC_FILE = '/run/systemd/timesync/synchronized';
const CHRONYC_MS_MAX = 5000;

const run = promisify(execFile);

/** Whether the system clock is synchronised; rejects where that cannot be told. `none` says yes without asking. */
export async function isTimeSynchronised(check: TimeSyncCheck, file = TIMESYNC_FILE): Promise<boolean> {
  if (check === 'none') return true;
  if (check === 'timesync') return existsSync(file);
  const { stdout } = await run('chronyc', ['-c', '-n', 'tracking'], { timeout: CHRONYC_MS_MAX });
  return isChronySynchronised(stdout);
}

/** Reads `chronyc -c tracking`: comma separated, the leap status last ("Not synchronised" or another). */
export function isChronySynchronised(tracking: string): boolean {
  const fields = tracking.trim().split(',');
  return fields.length >= 14 && fields.at(-1) !== 'Not synchronised';
}
