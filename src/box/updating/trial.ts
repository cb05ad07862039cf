import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { copyOver, syncFolder, writeDurably } from '../../adapters/files/durable-file.js';
import { fault, messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';

/** The service manager, as far as an update needs it. */
export interface Services {
  /** Trader first, guard last; resolves when both are down. */
  stop(): Promise<void>;
  /** Guard first. Resolves when both were told to start, not when they are up. */
  start(): Promise<void>;
  /** Whether both have said READY. */
  ready(): Promise<boolean>;
}

/** What the box says of itself once it is up. */
export interface BoxState {
  /** Version of the trader that answers; null: none does. */
  readonly version: string | null;
  /** What the guard says: armed is ACTIVE with a fresh permit, which a trader gets once it has reconciled. */
  readonly armed: boolean;
  /** Somebody pressed the button or said halt meanwhile, which is no fault of a version. */
  readonly haltedByHand: boolean;
  /** The trader is connected to the guard. */
  readonly connected: boolean;
}

/** On disk from before the switch until it is settled, so that a power cut in between is no way out. */
export interface TrialNote {
  readonly from: string;
  readonly to: string;
  /** The box was armed before, so it must be again. */
  readonly armed: boolean;
  readonly startedMs: number;
}

export interface TrialOptions {
  /** /opt/redbutton: `versions/`, `current`, and the note. */
  readonly home: string;
  readonly stateDir: string;
  /** Files of the state directory that a version's start may change for good: the store, its log and the journal. */
  readonly storeFiles: readonly string[];
  readonly services: Services;
  readonly clock: Clock;
  readonly state: () => Promise<BoxState>;
  /** Makes a version the one that starts: its own scripts/activate. */
  readonly activate: (version: string) => Promise<void>;
  /** Whether the version that runs this code can read the store as it is now. */
  readonly storeReadable: () => Promise<boolean>;
  readonly readyMsMax: number;
  readonly onStep: (sentence: string) => void;
}

export type TrialResult =
  | { readonly outcome: 'kept'; readonly tookMs: number }
  | { readonly outcome: 'fallen_back'; readonly detail: string; readonly soundAgain: boolean };

const POLL_MS = 500;
const noteFile = (home: string) => path.join(home, 'trial.json');
const copyDir = (stateDir: string) => path.join(stateDir, 'before-update');

/** The trial under way; null when there is none. A note that cannot be read is one of a trial that never began. */
export async function readTrial(home: string): Promise<TrialNote | null> {
  try {
    return JSON.parse(await readFile(noteFile(home), 'utf8')) as TrialNote;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
}

/**
 * Switches to the version `to` and keeps it where it comes up: both services READY, its trader connected, and armed where
 * the box was armed before (a trader is let in only once it has reconciled). Else the old version is made current again,
 * with the store as it was where the new one has changed it beyond what the old one can read. Nothing is lost by that: a
 * version that was not let in has placed no order.
 */
export async function switchOnTrial(
  options: TrialOptions,
  from: string,
  to: string,
  armed: boolean,
): Promise<TrialResult> {
  const { services, clock } = options;
  await services.stop();
  try {
    await copyStore(options);
    const note: TrialNote = { from, to, armed, startedMs: clock.wallMs() };
    await writeDurably(noteFile(options.home), JSON.stringify(note));
    await options.activate(to);
  } catch (error) {
    options.onStep(`the switch failed: ${messageOf(error)}`);
    return fallBack(options, { from, to, armed, startedMs: clock.wallMs() }, messageOf(error));
  }
  await services.start();
  return finishTrial(options, { from, to, armed, startedMs: clock.wallMs() });
}

/** Waits for the version on trial, and keeps it or falls back. Called again at the start of a box whose power failed. */
export async function finishTrial(options: TrialOptions, note: TrialNote): Promise<TrialResult> {
  const startMs = options.clock.monotonicMs();
  const missing = await waitUntilSound(options, note.to, note.armed);
  if (missing !== null) return fallBack(options, note, missing);
  await rm(noteFile(options.home), { force: true });
  await rm(copyDir(options.stateDir), { recursive: true, force: true });
  return { outcome: 'kept', tookMs: options.clock.monotonicMs() - startMs };
}

/** Null once all holds; else what was still missing at the end, in words. */
async function waitUntilSound(
  options: TrialOptions,
  version: string,
  armed: boolean,
): Promise<string | null> {
  const { clock, readyMsMax } = options;
  const endMs = clock.monotonicMs() + readyMsMax;
  for (;;) {
    const missing = await whatIsMissing(options, version, armed);
    if (missing === null) return null;
    if (clock.monotonicMs() >= endMs) return `${missing} within ${Math.round(readyMsMax / 1000)} s`;
    await clock.sleep(POLL_MS);
  }
}

async function whatIsMissing(
  { services, state }: TrialOptions,
  version: string,
  armed: boolean,
): Promise<string | null> {
  if (!(await services.ready())) return 'guard and trader were not READY';
  const found = await state();
  if (found.version !== version) return `no trader of version ${version} answered`;
  if (!found.connected) return 'the trader did not reach the guard';
  if (armed && !found.armed && !found.haltedByHand) return 'the box was armed before and did not reconcile';
  return null;
}

async function fallBack(options: TrialOptions, note: TrialNote, detail: string): Promise<TrialResult> {
  const { services, onStep } = options;
  onStep(`${note.to} is given up (${detail}); going back to ${note.from}`);
  await services.stop();
  if (!(await options.storeReadable())) {
    onStep('the store is put back as it was before the update');
    await putStoreBack(options);
  }
  await options.activate(note.from);
  await services.start();
  const missing = await waitUntilSound(options, note.from, false);
  await rm(noteFile(options.home), { force: true });
  if (missing === null) await rm(copyDir(options.stateDir), { recursive: true, force: true });
  return { outcome: 'fallen_back', detail, soundAgain: missing === null };
}

/** Taken while nothing writes. Rights and owners are kept. */
async function copyStore({ stateDir, storeFiles }: TrialOptions): Promise<void> {
  const dir = copyDir(stateDir);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await syncFolder(stateDir);
  for (const file of storeFiles) {
    if (!existsSync(file)) continue;
    await copyOver(file, path.join(dir, path.basename(file))).catch((error: unknown) => {
      throw fault('E_UPDATE_COPY', `the store cannot be copied: ${messageOf(error)}`, 'make room', error);
    });
  }
}

/**
 * What the new version made goes only where the copy of before is whole in its place: where there is no room for it, the old
 * version refuses to start on a store that is still there, in place of starting without one.
 */
async function putStoreBack({ stateDir, storeFiles, onStep }: TrialOptions): Promise<void> {
  for (const file of storeFiles) {
    const copy = path.join(copyDir(stateDir), path.basename(file));
    try {
      if (existsSync(copy)) await copyOver(copy, file);
      else await rm(file, { force: true });
    } catch (error) {
      onStep(`the store could not be put back: ${messageOf(error)}`);
      return;
    }
  }
  await syncFolder(stateDir);
}
