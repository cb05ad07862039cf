import { closeSync } from 'node:fs';
import type { DescriptorStore } from '../systemd/descriptor-store.js';
import type { AddonLine } from './line-addon.js';

/** The name under which the store keeps an input line. */
export function keptName(offset: number): string {
  return `line-${offset}`;
}

/** What a life before this one has kept of a line, and whether the line has changed since that one last acted on it. */
export interface KeptLine {
  readonly line: AddonLine;
  readonly moved: boolean;
}

/**
 * Takes a line out of the store by `adopt`, which gives null for a descriptor that is not the line meant, or one that is of
 * no use any more. Such a one is given up; the caller opens the line as if nothing had been kept.
 */
export function takeKept(
  store: DescriptorStore,
  offset: number,
  adopt: (descriptor: number) => AddonLine | null,
): KeptLine | null {
  const descriptor = store.take(keptName(offset));
  if (descriptor === null) return null;
  let line: AddonLine | null = null;
  try {
    line = adopt(descriptor);
  } catch {
    // Its chip is not there; that is for the ordinary open to say.
    closeSync(descriptor);
  }
  if (line !== null) return { line, moved: line.edgeWaits() };
  store.forget(keptName(offset));
  return null;
}
