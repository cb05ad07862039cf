import { connect as connectTcp, isIP } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { createPacketFilter, type SkippedPublish } from './packet-filter.js';

const PORTS = { 'mqtt:': 1883, 'mqtts:': 8883 } as const;

/**
 * Opens the connection to a broker, mqtt:// or mqtts://, with a filter on what comes in: no packet larger than
 * `bytesMax` reaches the reader. A certificate that is not trusted or names another host ends it with its own code.
 */
export function openBrokerStream(
  url: string,
  tls: Pick<ConnectionOptions, 'ca' | 'cert' | 'key'>,
  bytesMax: number,
  onSkipped: (publish: SkippedPublish) => void | Promise<void>,
): Duplex {
  const { protocol, hostname, port: named } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const port = named === '' ? PORTS[protocol as keyof typeof PORTS] : Number(named);
  const socket =
    protocol === 'mqtts:'
      ? connectTls({ ...tls, host, port, ...(isIP(host) === 0 && { servername: host }) })
      : connectTcp({ host, port });
  const filter = createPacketFilter({
    bytesMax,
    onSkipped,
    answer: (bytes) => void (socket.writable && socket.write(bytes)),
  });
  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => void filter.resume(),
    write: (chunk, encoding, done) => void socket.write(chunk, encoding, (error) => done(error)),
    writev: (chunks, done) =>
      void socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), (error) => done(error)),
    final: (done) => void socket.end(() => done()),
    destroy(error, done) {
      socket.destroy();
      filter.destroy();
      done(error);
    },
  });
  filter.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) filter.pause();
  });
  filter.on('end', () => stream.push(null));
  filter.on('error', (error) => stream.destroy(error));
  socket.on('error', (error) => stream.destroy(error));
  // Where the broker said why before it closed, that is still on its way through the filter.
  socket.on('close', () => {
    if (!filter.writableEnded) stream.destroy();
  });
  socket.pipe(filter);
  return stream;
}
