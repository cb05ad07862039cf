import { CREATE_PORTS, createPortsOf } from '../../src/core/create-ports.js';
import type { Packet } from './order-capture.js';

/** Bytes of an order as the exchange read them. */
export interface OrderRead {
  readonly port: number;
  readonly atMs: number;
}

/** What is known of a press once all that it may have left behind has come. Times are the wall clock's, in milliseconds. */
export interface PressSeen {
  readonly pressedMs: number;
  /** The box was active again, under a new epoch: what leaves from that epoch's ports from then on is as it should be. */
  readonly againMs: number;
  /** Of the permit at the press. */
  readonly epoch: number;
  /** How long after the press bytes of orders may come. */
  readonly boundMs: number;
  readonly packets: readonly Packet[];
  readonly reads: readonly OrderRead[];
}

/** The order under way that a press meets: its bytes are still to be written, or are written and not answered. */
export type Met = 'unwritten' | 'unanswered' | 'none';

export interface PressVerdict {
  /** So long after the press the kernel had the last packet that bears bytes for the exchange, or asks for a connection. */
  readonly packetMs: number | null;
  /** So long after the press the exchange read the last byte of an order. */
  readonly readMs: number | null;
  /** Connections of which a packet came later than the bound. */
  readonly late: number;
  /** Those packets, `+61 ms from port 61001: 400 bytes` each. */
  readonly latePackets: readonly string[];
  /** Where capture and exchange contradict each other, or null. */
  readonly contradiction: string | null;
}

/** The exchange is a process: it reads a packet some time after the kernel has it, on a busy machine a long time. */
const BEHIND_MS_MAX = 1000;
/** Each looks at a clock of its own. */
const CLOCKS_MS = 3;

export function judgePress(seen: PressSeen): PressVerdict {
  const { pressedMs, againMs, boundMs } = seen;
  /** Nothing may leave while the box is halted, and nothing from the old epoch's ports ever after. */
  const matters = ({ port, atMs }: OrderRead) =>
    atMs > pressedMs && (atMs < againMs || isOf(seen.epoch, port));
  const packets = seen.packets.filter((packet) => (packet.bytes > 0 || packet.syn) && matters(packet));
  const reads = seen.reads.filter(matters);
  const isLate = ({ atMs }: OrderRead) => atMs > pressedMs + boundMs;
  const last = (of: readonly OrderRead[]) =>
    of.length === 0 ? null : Math.max(...of.map(({ atMs }) => atMs)) - pressedMs;
  const tooLate = packets.filter(isLate);
  const late = new Set(tooLate.map(({ port }) => port)).size;
  const latePackets = tooLate.map(
    ({ atMs, port, syn, bytes }) =>
      `+${(atMs - pressedMs).toFixed(0)} ms from port ${port}: ${syn ? 'SYN' : `${bytes} bytes`}`,
  );
  const contradiction =
    reads.map((read) => unborne(read, seen)).find((each) => each !== null) ??
    (late === 0 && reads.some(isLate)
      ? `the exchange read bytes of an order ${last(reads)!.toFixed(0)} ms after the press, which the kernel had in time`
      : null);
  return { packetMs: last(packets), readMs: last(reads), late, latePackets, contradiction };
}

/** Whether it is one of the epoch's ports. */
export function isOf(epoch: number, port: number): boolean {
  const first = createPortsOf(epoch);
  return port >= first && port < first + CREATE_PORTS;
}

/** What was read must have come in a packet before. A packet that nobody read was lost: that is no contradiction. */
function unborne({ port, atMs }: OrderRead, { packets, pressedMs }: PressSeen): string | null {
  const bore = (packet: Packet) =>
    packet.port === port && packet.bytes > 0 && Math.abs(atMs - packet.atMs) < BEHIND_MS_MAX;
  return packets.some((packet) => bore(packet) && packet.atMs <= atMs + CLOCKS_MS)
    ? null
    : `the exchange read bytes of an order from port ${port} ${(atMs - pressedMs).toFixed(0)} ms after the press, and no packet bore them`;
}

/** What a press met of an order that the trader had written down by then. Its bytes and its answer as the exchange saw them. */
export function metBy(pressedMs: number, writtenMs: number | undefined, answeredMs: number | undefined): Met {
  if (writtenMs === undefined || writtenMs > pressedMs) return 'unwritten';
  return answeredMs === undefined || answeredMs > pressedMs ? 'unanswered' : 'none';
}
