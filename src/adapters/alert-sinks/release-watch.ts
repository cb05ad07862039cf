import type { Alerts } from '../../core/alert.js';
import { messageOf } from '../../core/errors.js';
import { compareVersions } from '../../core/versions.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/index.js';

export interface ReleaseWatch {
  start(): void;
  stop(): Promise<void>;
}

export interface ReleaseWatchOptions {
  /** Where the newest version's number stands, alone on the first line; undefined = nobody is asked. */
  readonly url: string | undefined;
  /** The version that runs. */
  readonly version: string;
  readonly clock: Clock;
  readonly log: AlertLog;
  readonly alerts: Alerts;
}

const DAY_MS = 86_400_000;
/** A box that has just started has better things to do. */
const FIRST_MS = 300_000;
const REQUEST_TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 4_096;

/**
 * Asks once a day for the newest version and raises UPDATE_AVAILABLE, once for each that is newer than ours. It fetches
 * nothing else: whether and when a box is updated is for its owner. An address that does not answer is logged, not told:
 * it stops no trading.
 */
export function createReleaseWatch(options: ReleaseWatchOptions): ReleaseWatch {
  const { url, version, clock, log, alerts } = options;
  let running = new AbortController();
  let loop: Promise<void> = Promise.resolve();
  let told = version;

  async function look(from: string, signal: AbortSignal): Promise<void> {
    const newest = await newestVersion(from, signal);
    if (compareVersions(newest, told) <= 0) return;
    told = newest;
    await alerts.raise('UPDATE_AVAILABLE', { version: newest });
  }

  async function watch(from: string, signal: AbortSignal): Promise<void> {
    let waitMs = FIRST_MS;
    while (!signal.aborted) {
      await clock.sleep(waitMs, signal).catch(() => undefined);
      if (signal.aborted) return;
      waitMs = DAY_MS;
      await look(from, signal).catch((error) => {
        if (signal.aborted) return;
        log.warn(
          { errorCode: 'E_RELEASE_WATCH', detail: messageOf(error) },
          'the newest version cannot be asked for; check alerts.releaseUrl',
        );
      });
    }
  }

  return {
    start() {
      if (url === undefined) return;
      running = new AbortController();
      loop = watch(url, running.signal);
    },
    async stop() {
      running.abort(new Error('stopping'));
      await loop;
    },
  };
}

/** Asks `url`; the first line of its answer is a version. */
async function newestVersion(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, {
    redirect: 'error',
    signal: AbortSignal.any([AbortSignal.timeout(REQUEST_TIMEOUT_MS), signal]),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`it answered ${response.status}`);
  }
  const bytes = Buffer.alloc(ANSWER_BYTES_MAX);
  let length = 0;
  // The first bytes are enough; what a wrong address sends after them is not waited for.
  for await (const chunk of response.body ?? []) {
    length += Buffer.from(chunk as Uint8Array).copy(bytes, length);
    if (length === ANSWER_BYTES_MAX || bytes.subarray(0, length).includes(10)) break;
  }
  const line = bytes.toString('latin1', 0, length).split('\n', 1)[0]!.trim().replace(/^v/, '');
  if (!/^\d{1,6}(\.\d{1,6}){2}$/.test(line)) throw new Error('its first line is not a version, as 1.2.3');
  return line;
}
