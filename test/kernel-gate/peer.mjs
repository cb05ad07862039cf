// One end of connections, told what to do by lines on stdin and answering by JSON lines on stdout.
//   peer.mjs server PORT            connections to PORT; {"from":port,"bytes":n} for each piece that arrives
//   peer.mjs slow-server PORT       reads 4 kB every 5 ms only, so that most waits in the sender's kernel
//   peer.mjs client                 `connect LOCAL_PORT PORT HOST`, `write BYTES`, `end`
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [role, portText] = process.argv.slice(2);
const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);

if (role === 'client') {
  let socket;
  for await (const line of createInterface({ input: process.stdin })) {
    const [verb, ...args] = line.split(' ');
    if (verb === 'connect') {
      const [localPort, port, host] = args;
      const local = {
        host,
        port: Number(port),
        ...(localPort === '0' ? {} : { localPort: Number(localPort) }),
      };
      socket = connect({ ...local, noDelay: true });
      socket.on('connect', () => say({ event: 'connected' }));
      socket.on('data', (bytes) => say({ event: 'answer', bytes: bytes.length }));
      socket.on('error', ({ code }) => say({ event: 'error', code }));
      socket.on('close', () => say({ event: 'closed' }));
    } else if (verb === 'write') socket.write(Buffer.alloc(Number(args[0]), 'o'));
    else if (verb === 'end') socket.destroy();
  }
} else {
  const server = createServer({ pauseOnConnect: role === 'slow-server', highWaterMark: 4096 }, (socket) => {
    const from = socket.remotePort;
    socket.on('error', ({ code }) => say({ from, error: code }));
    if (role === 'server') {
      socket.on('data', (bytes) => {
        say({ from, bytes: bytes.length });
        socket.write('.');
      });
    } else {
      socket.on('readable', () => {});
      const timer = setInterval(() => socket.read(4096), 5);
      socket.on('close', () => clearInterval(timer));
    }
  });
  server.listen(Number(portText), '::', () => say({ listening: true }));
}
