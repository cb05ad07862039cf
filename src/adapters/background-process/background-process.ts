import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { EXIT, fault, RedbuttonError } from '../../core/errors.js';
import type { Scheduler } from '../../ports/time.js';
import type { ToParent } from './background-messages.js';

export interface BackgroundOptions {
  /** The compiled program that calls {@link serveBackground}. */
  readonly entry: URL;
  /** Resident memory above which the process is ended. */
  readonly memoryMbMax: number;
  readonly scheduler: Scheduler;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  /** The process could not make itself less important than this one; its work continues. */
  readonly onNotNice?: (detail: string) => void;
  /** Told of the process's memory now and then, and at its end. */
  readonly onMemory?: (mb: number) => void;
}

const LOOK_MS = 200;
/** Half of the memory for V8's heap; the rest for code, typed arrays and native work. */
const HEAP_SHARE = 0.5;

/**
 * Hands work to a process of its own, at the lowest priority and within a memory budget: neither its processor time, nor its
 * memory, nor its death can hold up this one. Rejects with `E_BACKGROUND_MEMORY`, with `E_BACKGROUND` where the process ends
 * without an answer, with the work's own fault, or with the signal's reason.
 */
export function runInBackground(request: unknown, options: BackgroundOptions): Promise<unknown> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = fork(options.entry, [], {
      // Structured clone: typed arrays cross as they are.
      serialization: 'advanced',
      execArgv: [`--max-old-space-size=${Math.floor(options.memoryMbMax * HEAP_SHARE)}`],
      // Nothing of the trader's environment is its business, secrets least of all.
      env: {},
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString('utf8')).slice(-2000);
    });
    const stopLooking = options.scheduler.every(LOOK_MS, () => {
      const mb = residentMb(child);
      if (mb === null) return;
      options.onMemory?.(mb);
      if (mb > options.memoryMbMax) {
        end(() =>
          reject(
            fault(
              'E_BACKGROUND_MEMORY',
              `the background process took ${Math.round(mb)} MB, more than ${options.memoryMbMax} MB`,
              'give it more memory, or fewer rows',
            ),
          ),
        );
      }
    });
    const abort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', abort, { once: true });

    let ended = false;
    function end(settle: () => void): void {
      if (ended) return;
      ended = true;
      stopLooking();
      signal.removeEventListener('abort', abort);
      child.kill('SIGKILL');
      settle();
    }

    child.on('message', (message: ToParent) => {
      if (message.type === 'progress') options.onProgress?.(message.done, message.total);
      else if (message.type === 'not-nice') options.onNotNice?.(message.detail);
      else if (message.type === 'answer') end(() => resolve(message.answer));
      else end(() => reject(new RedbuttonError(message.code, message.message, message.remedy, EXIT.failed)));
    });
    child.on('error', (error) => end(() => reject(error)));
    child.on('exit', (code, killedBy) => {
      const words = errors.trim().split('\n').at(-1) ?? '';
      end(() =>
        reject(
          fault(
            'E_BACKGROUND',
            `the background process ended with ${killedBy ?? code} and no answer${words === '' ? '' : `: ${words}`}`,
            'see the log; it is tried again when it is time',
          ),
        ),
      );
    });
    child.send({ type: 'work', request } as object, (error) => {
      if (error) end(() => reject(error));
    });
  });
}

/** What the process holds in memory; null where it is gone or /proc does not tell. */
function residentMb(child: ChildProcess): number | null {
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const found = /^VmRSS:\s+(\d+) kB$/m.exec(status);
    return found === null ? null : Number(found[1]) / 1024;
  } catch {
    return null;
  }
}
