import type { Socket } from 'node:net';

const LINE_BYTES_MAX = 65_536;

/** Splits what arrives into lines. `onBad` is called when the other end sends a line without end. */
export function onLines(socket: Socket, onLine: (line: string) => void, onBad: () => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_BYTES_MAX) {
      onBad();
      return;
    }
    for (const line of lines) if (line !== '' && !socket.destroyed) onLine(line);
  });
}

/** Sends one object as a line; nothing where the line is gone. */
export function sendLine(socket: Socket, message: unknown): void {
  if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}
