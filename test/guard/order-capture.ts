import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { CREATE_PORT_FIRST, CREATE_PORT_LAST } from '../../src/core/create-ports.js';

/** A packet of a connection that may carry orders, on its way from the box. */
export interface Packet {
  /** When the kernel had it, in milliseconds of the wall clock. */
  readonly atMs: number;
  /** The port that it came from. */
  readonly port: number;
  /** Asks for a connection. */
  readonly syn: boolean;
  /** Payload. */
  readonly bytes: number;
}

export interface OrderCapture {
  /** In the order in which they left; emptied by whoever has read them. */
  readonly packets: Packet[];
  /** Throws where the kernel dropped any. */
  stop(): Promise<void>;
}

/** tcpdump prints a packet a moment after the kernel has it. */
const BEHIND_MS = 300;

/** `1700000000.123456 IP 127.0.0.1.61224 > 127.0.0.1.8000: Flags [P.], seq 1:100, ack 1, win 512, length 99` */
export function readPacket(line: string): Packet | null {
  const found = /^([\d.]+) IP [\d.]+\.(\d+) > \S+ Flags \[([^\]]*)\],.*? length (\d+)/.exec(line);
  if (found === null) return null;
  const [, seconds, port, flags, bytes] = found;
  return {
    atMs: Number(seconds) * 1000,
    port: Number(port),
    syn: flags!.includes('S'),
    bytes: Number(bytes),
  };
}

/** Captures what leaves from the ports of orders over this network's loopback, before anything on the way loses it. */
export async function captureOrders(): Promise<OrderCapture> {
  const what = `tcp and src portrange ${CREATE_PORT_FIRST}-${CREATE_PORT_LAST}`;
  // The head of a packet is enough, and no order's content is kept.
  const how = ['-i', 'lo', '-n', '-tt', '-l', '--immediate-mode', '-s', '96', what];
  const child = spawn('tcpdump', how, { stdio: ['ignore', 'pipe', 'pipe'] });
  const packets: Packet[] = [];
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    const packet = readPacket(line);
    if (packet !== null) packets.push(packet);
    else if (line !== '') said += `not understood: ${line}\n`;
  });
  await Promise.race([once(child.stderr, 'data'), once(child, 'exit')]);
  await delay(BEHIND_MS);
  if (child.exitCode !== null) throw new Error(`tcpdump ended: ${said}`);
  return {
    packets,
    async stop() {
      await delay(BEHIND_MS);
      child.kill('SIGINT');
      await once(child, 'close');
      if (!said.includes('\n0 packets dropped by kernel') || said.includes('not understood'))
        throw new Error(`the packet capture is not whole: ${said}`);
    },
  };
}
