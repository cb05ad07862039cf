// @module-tag processes

import { describe, expect, it } from 'vitest';
import { createPortsOf } from '../../src/core/create-ports.js';
import { readPacket } from './order-capture.js';
import { judgePress, metBy, type PressSeen } from './press-verdict.js';

const EPOCH = 5;
const PORT = createPortsOf(EPOCH);
const NEW_PORT = createPortsOf(EPOCH + 2);
const PRESS_MS = 10_000;

const syn = (afterMs: number, port = PORT) => ({ atMs: PRESS_MS + afterMs, port, syn: true, bytes: 0 });
const bytes = (afterMs: number, port = PORT) => ({ atMs: PRESS_MS + afterMs, port, syn: false, bytes: 400 });
const seen = (more: Partial<PressSeen>): PressSeen => ({
  pressedMs: PRESS_MS,
  againMs: PRESS_MS + 4000,
  epoch: EPOCH,
  boundMs: 60,
  packets: [],
  reads: [],
  ...more,
});
const judge = (more: Partial<PressSeen>) => judgePress(seen(more));

describe('what is counted of a press', () => {
  it('no packet after it', () => {
    const packets = [syn(-20), bytes(-10)];
    expect(judge({ packets })).toMatchObject({ packetMs: null, readMs: null, late: 0, contradiction: null });
  });

  it.each([
    ['within the bound', [bytes(-10), bytes(59)], 0, 59],
    ['sent again after it', [bytes(-10), bytes(61)], 1, 61],
    ['a connection asked for after it', [syn(61)], 1, 61],
    ['two connections', [bytes(70), bytes(90, PORT + 1), bytes(95, PORT + 1)], 2, 95],
    ['from ports of another epoch while halted', [bytes(3000, NEW_PORT)], 1, 3000],
    ['from the new epoch’s ports once active again', [bytes(4100, NEW_PORT)], 0, null],
    ['from the old epoch’s ports once active again', [bytes(4100)], 1, 4100],
  ] as const)('%s', (_, packets, late, packetMs) => {
    expect(judge({ packets })).toMatchObject({ late, packetMs });
  });

  it('names the late packets', () => {
    const { latePackets } = judge({ packets: [bytes(50), syn(61), bytes(62.4)] });
    expect(latePackets).toEqual([`+61 ms from port ${PORT}: SYN`, `+62 ms from port ${PORT}: 400 bytes`]);
  });

  it.each([
    ['read with no packet', [bytes(-10)], PRESS_MS + 2000, 'no packet bore them'],
    ['read before its packet', [bytes(50)], PRESS_MS + 20, 'no packet bore them'],
    ['read late, sent in time', [bytes(40)], PRESS_MS + 80, 'which the kernel had in time'],
  ] as const)('a contradiction: %s', (_, packets, atMs, says) => {
    const { contradiction } = judge({ packets, reads: [{ port: PORT, atMs }] });
    expect(contradiction).toContain(says);
  });

  it.each([
    ['no byte of it', undefined, undefined, 'unwritten'],
    ['bytes right after it', 10, 40, 'unwritten'],
    ['bytes before it, no answer', -30, undefined, 'unanswered'],
    ['bytes before it, the answer after it', -30, 5, 'unanswered'],
    ['bytes and answer before it', -30, -1, 'none'],
  ] as const)('what it met of an order: %s', (_, written, answered, met) => {
    const at = (ms: number | undefined) => ms && PRESS_MS + ms;
    expect(metBy(PRESS_MS, at(written), at(answered))).toBe(met);
  });
});

it('reads what tcpdump prints', () => {
  const at = '1700000000.123456 IP 127.0.0.1.61224 > 127.0.0.1.8000:';
  expect(readPacket(`${at} Flags [S], seq 1, win 65495, options [mss 65495,sackOK], length 0`)).toEqual({
    atMs: 1700000000123.456,
    port: 61224,
    syn: true,
    bytes: 0,
  });
  const http = 'Flags [P.], seq 1:392, ack 1, win 512, options [nop], length 391: HTTP: POST /api length 7';
  expect(readPacket(`${at} ${http}`)).toMatchObject({ syn: false, bytes: 391 });
  expect(readPacket('listening on lo')).toBeNull();
});
