import { lstatSync } from 'node:fs';
import type { ControlServer } from '../adapters/control-socket/control-server.js';
import type { Scheduler } from '../ports/time.js';

const LOOK_MS = 1_000;

/**
 * Lets each server listen again whose socket is gone, as where the run folder was removed: nobody could reach it there any
 * more. Tried again each second; the permit, which is made again first, tells where its folder cannot be. Returns what
 * ends it.
 */
export function keepSockets(
  sockets: readonly { readonly path: string; readonly server: ControlServer }[],
  scheduler: Pick<Scheduler, 'every'>,
): () => void {
  let ended = false;
  let busy = false;
  const again = async () => {
    for (const { path, server } of sockets) {
      if (isThere(path) || ended) continue;
      await server.stop();
      await server.start();
      // Told to end meanwhile: nobody else ends what has just begun.
      if (ended) await server.stop();
    }
  };
  const endLooking = scheduler.every(LOOK_MS, () => {
    if (busy) return;
    busy = true;
    again()
      .catch(() => undefined)
      .finally(() => {
        busy = false;
      });
  });
  return () => {
    ended = true;
    endLooking();
  };
}

function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}
