// @module-tag processes

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { crc32c } from '../../src/core/crc32c.js';
import { CREATE_PORT_BLOCKS, createPortsOf } from '../../src/core/create-ports.js';
import { decodePermit, encodePermit, PERMIT_BYTES } from '../../src/core/permit-record.js';

const native = fileURLToPath(new URL('../../native/', import.meta.url));
const BOOT = '00112233-4455-6677-8899-aabbccddeeff';
const bootId = new Uint8Array(Buffer.from(BOOT.replaceAll('-', ''), 'hex'));
const NOW_MS = 5000;
/** As the trader's reader. */
const AHEAD_MS_MAX = 10_000;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'rb-gate-'));
  const sources = ['test/decode-permit.cc', 'gate/permit.cc'].map((name) => path.join(native, name));
  execFileSync('g++', ['-std=c++17', '-O1', ...sources, '-o', path.join(dir, 'decode')]);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What the gate makes of each record: `torn`, `shut`, or epoch, expiry and first port. */
const byGate = (records: readonly Uint8Array[]) =>
  execFileSync(path.join(dir, 'decode'), [BOOT, String(NOW_MS)], {
    input: Buffer.concat(records.map((bytes) => Buffer.concat([Buffer.of(bytes.length), bytes]))),
    encoding: 'utf8',
  })
    .trim()
    .split('\n');

const byTrader = (bytes: Uint8Array) => {
  const record = decodePermit(bytes, bootId);
  if (record === undefined || record.state === 'HALTED' || record.epoch < 0) return null;
  const { epoch, expiresMonotonicMs } = record;
  if (expiresMonotonicMs <= NOW_MS || expiresMonotonicMs > NOW_MS + AHEAD_MS_MAX) return null;
  return `${epoch} ${expiresMonotonicMs} ${createPortsOf(epoch)}`;
};

const encoded = fc
  .record({
    state: fc.constantFrom('HALTED', 'ACTIVE', 'REDUCING', 'FLATTENING'),
    epoch: fc.oneof(fc.nat({ max: 200 }), fc.maxSafeInteger()),
    expiresMonotonicMs: fc.double({ min: NOW_MS - 100, max: NOW_MS + 12_000, noNaN: true }),
    guardPid: fc.nat(),
  })
  .map((record) => {
    const bytes = new Uint8Array(PERMIT_BYTES);
    encodePermit(record, bootId, bytes);
    return bytes;
  });
/** One byte turned, with a checksum that fits or not; or cut short, or longer. */
const hostile = fc
  .tuple(encoded, fc.nat({ max: 63 }), fc.integer({ min: 1, max: 255 }), fc.boolean(), fc.nat({ max: 80 }))
  .map(([bytes, at, turn, sealed, length]) => {
    bytes[at]! ^= turn;
    if (sealed) new DataView(bytes.buffer).setUint32(60, crc32c(bytes, 0, 60), true);
    const out = new Uint8Array(length < 40 ? PERMIT_BYTES : length);
    out.set(bytes.subarray(0, out.length));
    return out;
  });

describe("the gate's decoder of permits", () => {
  it('reads what the guard writes, and nothing that the trader would not believe', () => {
    const records = [
      ...fc.sample(encoded, { numRuns: 3000, seed: 1 }),
      ...fc.sample(hostile, { numRuns: 5000, seed: 2 }),
    ];
    const answers = byGate(records);
    expect(answers).toHaveLength(records.length);
    let valid = 0;
    for (const [i, bytes] of records.entries()) {
      const wanted = byTrader(bytes);
      if (wanted === null) expect(answers[i]).toMatch(/^(torn|shut)$/);
      else {
        valid++;
        const [epoch, expiresMs, port] = answers[i]!.split(' ').map(Number);
        expect(`${epoch} ${expiresMs} ${port}`).toBe(wanted);
      }
    }
    expect(valid).toBeGreaterThan(1000);
  });

  it('looks for the ports where the trader binds them, over all blocks', () => {
    const records = Array.from({ length: 2 * CREATE_PORT_BLOCKS }, (_, epoch) => {
      const bytes = new Uint8Array(PERMIT_BYTES);
      encodePermit({ state: 'ACTIVE', epoch, expiresMonotonicMs: NOW_MS + 500, guardPid: 1 }, bootId, bytes);
      return bytes;
    });
    expect(byGate(records).map((line) => Number(line.split(' ')[2]))).toEqual(
      records.map((_, epoch) => createPortsOf(epoch)),
    );
  });
});
