import { fstatSync } from 'node:fs';

/** syslog(3)'s priorities, by what we call them. */
const PRIORITY = { fatal: 2, error: 3, warn: 4, info: 6, debug: 7, trace: 7 } as const;

export type Severity = keyof typeof PRIORITY;

/**
 * What to put in front of each line of a text that goes to the descriptor `fd`: `<3>` and so on where that is the journal,
 * which takes the priority from there (sd-daemon(3)); nothing on a terminal, in a file or in a pipe. systemd names the
 * journal's socket in `JOURNAL_STREAM` by device and inode; a child may have inherited the variable without the socket.
 */
export function journalPriority(
  fd: number,
  env: Readonly<Record<string, string | undefined>>,
): (severity: Severity, text: string) => string {
  if (!isJournal(fd, env.JOURNAL_STREAM)) return (_, text) => text;
  return (severity, text) => text.replace(/^(?=.)/gm, `<${PRIORITY[severity]}>`);
}

function isJournal(fd: number, stream: string | undefined): boolean {
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(fd);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
