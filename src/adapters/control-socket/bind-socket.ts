import { chmodSync, linkSync, statSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { fault, messageOf } from '../../core/errors.js';

/** What `sun_path` holds, less the closing zero and what the name beside needs. */
const PATH_BYTES_MAX = 100;

/** Whether somebody listens at `path`. A socket left by a dead process refuses. */
export function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    const end = (answered: boolean) => {
      probe.destroy();
      resolve(answered);
    };
    probe.once('connect', () => end(true));
    probe.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'EACCES'));
  });
}

/**
 * Lets `server` listen at `path` with mode 0660, so that only its owner and group can connect.
 *
 * It is bound under a name beside, closed to others, and only then linked to its own: there is no moment at which the
 * mode is wrong, and linking fails where another process has taken the name. A socket that nobody answers is removed.
 * Fails with `E_SOCKET_TAKEN` when somebody does, `E_SOCKET` else.
 */
export async function bindSocket(server: Server, path: string, who: string): Promise<void> {
  if (Buffer.byteLength(path) > PATH_BYTES_MAX) {
    throw fault(
      'E_SOCKET',
      `the socket path ${path} is longer than ${PATH_BYTES_MAX} bytes`,
      'use a shorter run directory',
    );
  }
  if (await isAnswered(path)) {
    throw fault('E_SOCKET_TAKEN', `another ${who} answers at ${path}`, `stop it first, or use it`);
  }
  const beside = `${path}.${process.pid}`;
  try {
    removeIfThere(beside);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(beside, () => {
        server.off('error', reject);
        resolve();
      });
    });
    chmodSync(beside, 0o660);
    removeIfThere(path);
    linkSync(beside, path);
    unlinkSync(beside);
  } catch (error) {
    server.close();
    removeIfThere(beside);
    throw fault(
      'E_SOCKET',
      `cannot listen at ${path}: ${messageOf(error)}`,
      'see that the run directory exists and may be written',
      error,
    );
  }
}

/** Removes the name again, when it is still there. */
export function unbindSocket(path: string): void {
  removeIfThere(path);
}

function removeIfThere(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) unlinkSync(path);
}
