import { connect, type Socket } from 'node:net';
import { parseGuardMessage, type TraderMessage } from '../../core/guard-link.js';
import type { GuardLink, GuardRequests } from '../../ports/guard.js';
import type { Clock, Scheduler } from '../../ports/time.js';
import { onLines, sendLine } from '../control-socket/json-lines.js';
import { createRequestRunner, type RequestRunner } from './requests.js';

const BEAT_MS = 200;
const RECONNECT_MS = 500;

/**
 * The trader's end of the link to a guard process: says hello, beats, does what it is asked, and connects again for as
 * long as it is started. Without a guard there is no permit either, so a missing connection needs no handling here.
 */
export function createTraderLinkClient(
  path: string,
  requests: GuardRequests,
  clock: Clock,
  scheduler: Scheduler,
): GuardLink {
  /** The line in use or being opened. */
  let line: Socket | null = null;
  let connected = false;
  let endBeats: () => void = () => {};
  let endRetry: () => void = () => {};
  let started = false;
  /** A halt that is wanted, until the guard orders the cancels of one: a guard that dies over it is asked again once it is back. */
  let haltWanted: string | null = null;

  const send = (message: TraderMessage) => {
    if (line !== null && connected) sendLine(line, message);
  };
  const open = () => {
    const mine = connect(path);
    const runner: RequestRunner = createRequestRunner(requests, clock, (message) => {
      if (line === mine) send(message);
    });
    line = mine;
    mine.on('connect', () => {
      connected = true;
      send({ type: 'hello', pid: process.pid });
      if (haltWanted !== null) send({ type: 'halt', detail: haltWanted });
    });
    onLines(
      mine,
      (text) => {
        const message = parseGuardMessage(text);
        if (message?.type === 'cancel') haltWanted = null;
        if (message === undefined) mine.destroy();
        else runner.receive(message);
      },
      () => mine.destroy(),
    );
    // 'close' follows every error, and is where the next try is planned.
    mine.on('error', () => undefined);
    mine.on('close', () => {
      runner.stop();
      line = null;
      connected = false;
      if (started) endRetry = scheduler.after(RECONNECT_MS, open);
    });
  };

  return {
    start() {
      started = true;
      endBeats = scheduler.every(BEAT_MS, () => send({ type: 'beat' }));
      open();
    },
    async stop() {
      started = false;
      endBeats();
      endRetry();
      const mine = line;
      if (mine === null) return;
      await new Promise<void>((resolve) => {
        mine.once('close', () => resolve());
        mine.destroy();
      });
    },
    requestHalt(detail) {
      haltWanted = detail;
      send({ type: 'halt', detail });
    },
  };
}
