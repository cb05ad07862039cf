import type { ErrorCode } from '../../core/error-catalogue.js';
import { messageOf, RedbuttonError } from '../../core/errors.js';
import type { Scheduler } from '../../ports/time.js';
import { readModelFolder } from './model-folder.js';

export interface ModelWatchOptions {
  readonly dir: string;
  /** Of the model that was loaded. */
  readonly sha256: string;
  readonly scheduler: Scheduler;
  readonly periodMs: number;
  /** The files are no longer what was loaded. Called once, and again only after they were well in between. */
  readonly onChanged: (errorCode: ErrorCode, detail: string) => void;
}

/**
 * Looks now and then whether the model on disk is still the one in memory: a swapped or damaged file does no harm until the
 * next start, which would then fail or decide by another model.
 */
export interface ModelWatch {
  start(): void;
  stop(): void;
  /** Looks now; resolves when it has been told. */
  look(): Promise<void>;
}

export function createModelWatch(options: ModelWatchOptions): ModelWatch {
  let told = false;
  let end: (() => void) | undefined;

  async function look(): Promise<void> {
    let code: ErrorCode = 'E_MODEL_SWAPPED';
    let detail: string;
    try {
      const { manifest } = await readModelFolder(options.dir);
      if (manifest.sha256 === options.sha256) {
        told = false;
        return;
      }
      detail = `the model in ${options.dir} is now ${manifest.sha256.slice(0, 8)}, ${options.sha256.slice(0, 8)} decides`;
    } catch (error) {
      if (error instanceof RedbuttonError) code = error.code;
      detail = messageOf(error);
    }
    if (told) return;
    told = true;
    options.onChanged(code, detail);
  }

  return {
    look,
    start() {
      end ??= options.scheduler.every(options.periodMs, () => void look());
    },
    stop() {
      end?.();
      end = undefined;
    },
  };
}
