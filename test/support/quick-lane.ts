import childProcess from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { afterAll } from 'vitest';

/** What a quick test file may not do: start a process, open a socket, compute for long. `vitest.config.ts` has the tags. */
const CPU_S_MAX = 8;

function refuse(what: string): () => never {
  return () => {
    throw new Error(`a quick test ${what}: give its file a tag (CONTRIBUTING.md, "Quick and slow tests")`);
  };
}

for (const name of ['spawn', 'spawnSync', 'exec', 'execSync', 'execFile', 'execFileSync', 'fork'] as const)
  Object.assign(childProcess, { [name]: refuse('starts a process') });
net.Server.prototype.listen = refuse('opens a socket');
net.Socket.prototype.connect = refuse('opens a socket');
syncBuiltinESMExports();

// CPU time, which a busy machine does not stretch; a worker runs one file after the other.
const before = process.cpuUsage();
afterAll(() => {
  const { user, system } = process.cpuUsage(before);
  const seconds = (user + system) / 1e6;
  if (seconds > CPU_S_MAX) refuse(`takes ${seconds.toFixed(1)} s of CPU time, more than ${CPU_S_MAX} s`)();
});
