import type { CommandIo } from '../console/io.js';

/** Calls `onButton` when b is pressed on a terminal. Returns what restores the terminal; nothing happens without one. */
export function watchKeys(io: CommandIo, onButton: () => void): () => void {
  const { stdin } = process;
  if (!stdin.isTTY || io.stderr.isTTY !== true) return () => undefined;
  const onData = (data: Buffer) => {
    const key = data.toString('utf8');
    // Raw mode takes the terminal's own interrupt away, so it is given back here.
    if (key === '\u0003') process.kill(process.pid, 'SIGINT');
    else if (key === 'b') onButton();
  };
  stdin.setRawMode(true);
  stdin.resume();
  stdin.on('data', onData);
  return () => {
    stdin.off('data', onData);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
