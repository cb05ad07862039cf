import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import process from 'node:process';
import { invariant, messageOf, RedbuttonError } from '../../core/errors.js';
import { runWhenIdle } from '../native/idle.js';
import type { ToChild, ToParent } from './background-messages.js';

/**
 * The other end of {@link runInBackground}: takes one piece of work, answers it, and ends. Makes itself the least important
 * process first: last at the processor, and the first to go where memory runs out.
 */
export function serveBackground(
  work: (request: unknown, onProgress: (done: number, total: number) => void) => Promise<unknown>,
): void {
  invariant(process.send !== undefined, 'a background process is started by the process that it works for');
  const tell = (message: ToParent, then?: () => void) => process.send?.(message, undefined, undefined, then);
  try {
    setPriority(constants.priority.PRIORITY_LOW);
    writeFileSync('/proc/self/oom_score_adj', '1000');
    // Niceness alone lets a slice of this process end before one that wakes gets its turn, at each of a bar's steps.
    runWhenIdle();
  } catch (error) {
    tell({ type: 'not-nice', detail: messageOf(error) });
  }
  // Nobody waits for the answer of an orphan.
  process.on('disconnect', () => process.exit(1));
  process.once('message', ({ request }: ToChild) => {
    work(request, (done, total) => tell({ type: 'progress', done, total })).then(
      (answer) => tell({ type: 'answer', answer }, () => process.exit(0)),
      (error: unknown) => {
        const known = error instanceof RedbuttonError;
        const told = {
          type: 'fault',
          code: known ? error.code : 'E_BACKGROUND',
          message: messageOf(error),
          remedy: known ? error.remedy : 'report this',
        } as const;
        tell(told, () => process.exit(1));
      },
    );
  });
}
