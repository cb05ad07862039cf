import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import type { TradingState } from '../../core/trading-state.js';
import { stricter } from '../../core/trading-state.js';
import type { TradingStateSource } from '../../ports/guard.js';
import { syncFolder, writeDurably } from './durable-file.js';

/** A loss of stored data that a person has not confirmed yet. */
export interface RecoveryMark {
  /** What was lost, in words. */
  readonly loss: string;
  readonly atMs: number;
}

/**
 * Remembers over restarts that the store had to be rebuilt, in a file of its own: while it is there the box is at most
 * REDUCING, whatever else is well. A mark that cannot be read counts as one that is there.
 */
export interface RecoveryMarker {
  current(): RecoveryMark | null;
  /** Durable when it resolves. A mark that stands keeps its words and gains these. */
  set(loss: string, atMs: number): Promise<void>;
  /** A person has confirmed; durable when it resolves. */
  clear(): Promise<void>;
  limit(states: TradingStateSource): TradingStateSource;
}

export function openRecoveryMarker(file: string): RecoveryMarker {
  let mark = readMark(file);
  return {
    current: () => mark,
    async set(loss, atMs) {
      const next = mark === null ? { loss, atMs } : { loss: `${mark.loss}; ${loss}`, atMs };
      mark = next;
      await writeDurably(file, `${JSON.stringify(next)}\n`);
    },
    async clear() {
      await rm(file, { force: true });
      await syncFolder(path.dirname(file));
      mark = null;
    },
    limit: (states) => ({
      state(): TradingState {
        const state = states.state();
        return mark === null ? state : stricter(state, 'REDUCING');
      },
    }),
  };
}

function readMark(file: string): RecoveryMark | null {
  if (!existsSync(file)) return null;
  try {
    const { loss, atMs } = JSON.parse(readFileSync(file, 'utf8')) as RecoveryMark;
    if (typeof loss === 'string' && Number.isFinite(atMs)) return { loss, atMs };
  } catch {
    // Told below: what it said is lost, but not that it was there.
  }
  return { loss: `a loss of data, whose record ${file} cannot be read`, atMs: 0 };
}
