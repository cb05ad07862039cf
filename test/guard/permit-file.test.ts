import {
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../src/adapters/clock/system-clock.js';
import { createPermitReader } from '../../src/adapters/permit-file/permit-reader.js';
import { createTradingStateSource } from '../../src/adapters/permit-file/trading-state-source.js';
import { crc32c } from '../../src/core/crc32c.js';
import { PermitFile } from '../../src/guard/permit-file.js';

let dir: string;
let path: string;
let nowMs: number;
let writer: PermitFile;
const clock = { monotonicMs: () => nowMs };
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'redbutton-permit-'));
  path = join(dir, 'permit');
  nowMs = 1_000;
  writer = new PermitFile(path);
});
afterEach(() => {
  writer.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('the permit file', () => {
  it('says what the guard wrote, until it lapses or is revoked', () => {
    const permit = createPermitReader(path, clock);
    const source = createTradingStateSource(permit);
    expect(permit.read()).toEqual({ ok: false, reason: 'revoked' });
    writer.renew('REDUCING', 7, 1_500);
    expect(permit.read()).toEqual({ ok: true, state: 'REDUCING', epoch: 7, expiresMonotonicMs: 1_500 });
    expect(source.state()).toBe('REDUCING');
    writer.renew('ACTIVE', 8, 1_500);
    expect(source.state()).toBe('ACTIVE');
    nowMs = 1_500;
    expect(permit.read()).toEqual({ ok: false, reason: 'lapsed' });
    expect(source.state()).toBe('HALTED');
    writer.renew('ACTIVE', 8, 2_000);
    expect(permit.read().ok).toBe(true);
    writer.revoke(9, true);
    expect(permit.read()).toEqual({ ok: false, reason: 'revoked' });
  });

  it('is absent, unreadable, torn or of another boot: no permit', () => {
    writer.renew('ACTIVE', 7, 1_500);
    const permit = createPermitReader(path, clock);
    const good = readFileSync(path);
    expect(createPermitReader(join(dir, 'none'), clock).read()).toEqual({ ok: false, reason: 'absent' });
    expect(createPermitReader(dir, clock).read()).toEqual({ ok: false, reason: 'unreadable' });
    for (let bit = 0; bit < good.length * 8; bit++) {
      const flipped = Buffer.from(good);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      writeFileSync(path, flipped);
      expect(permit.read(), `bit ${bit}`).toEqual({ ok: false, reason: 'unreadable' });
    }
    for (let length = 0; length < good.length; length++) {
      writeFileSync(path, good);
      truncateSync(path, length);
      expect(permit.read(), `cut to ${length}`).toEqual({ ok: false, reason: 'unreadable' });
    }
    writeFileSync(path, Buffer.concat([good, Buffer.from([0])]));
    expect(permit.read()).toEqual({ ok: false, reason: 'unreadable' });
    const otherBoot = Buffer.from(good);
    otherBoot[32]! ^= 0xff;
    otherBoot.writeUInt32LE(crc32c(otherBoot, 0, 60), 60);
    writeFileSync(path, otherBoot);
    expect(permit.read()).toEqual({ ok: false, reason: 'unreadable' });
    writeFileSync(path, good);
    expect(permit.read().ok).toBe(true);
  });

  it('is not believed when it reaches further ahead than any sound guard writes', () => {
    writer.renew('ACTIVE', 7, 1_000_000);
    expect(createPermitReader(path, clock).read()).toEqual({ ok: false, reason: 'unreadable' });
  });

  it('cannot be kept alive by a descriptor of a file that was replaced or removed', () => {
    writer.renew('ACTIVE', 7, 1_500);
    const permit = createPermitReader(path, clock);
    expect(permit.read().ok).toBe(true);
    renameSync(path, join(dir, 'elsewhere'));
    expect(permit.read()).toEqual({ ok: false, reason: 'absent' });
    const second = new PermitFile(path);
    expect(permit.read()).toEqual({ ok: false, reason: 'revoked' });
    second.close();
  });

  it('is made again by the guard when it was removed under it', () => {
    const permit = createPermitReader(path, clock);
    unlinkSync(path);
    writer.renew('ACTIVE', 7, 1_500);
    expect(permit.read().ok).toBe(true);
    unlinkSync(path);
    writer.revoke(8, true);
    expect(permit.read().ok).toBe(false);
  });

  it('is revoked by the next guard as it opens it, which continues from its epoch', () => {
    writer.renew('ACTIVE', 41, 1_500);
    const next = new PermitFile(path);
    expect(next.found).toEqual({ kind: 'running', epoch: 41 });
    expect(createPermitReader(path, clock).read()).toEqual({ ok: false, reason: 'revoked' });
    next.close();
  });

  it('says for the rest of the boot that the box is halted, over a guard that dies before it has decided anything', () => {
    writer.revoke(41, true);
    const next = new PermitFile(path);
    expect(next.found).toEqual({ kind: 'halted', epoch: 41 });
    next.close();
    const after = new PermitFile(path);
    expect(after.found).toEqual({ kind: 'halted', epoch: 41 });
    after.revoke(42, false);
    after.close();
    const last = new PermitFile(path);
    expect(last.found).toEqual({ kind: 'running', epoch: 42 });
    last.renew('FLATTENING', 43, 1_500);
    last.close();
    const flattening = new PermitFile(path);
    expect(flattening.found).toEqual({ kind: 'halted', epoch: 43 });
    flattening.close();
  });

  it('tells what it finds: none, another boot’s, or what cannot be read, which it leaves as it is', () => {
    writer.revoke(41, true);
    const left = readFileSync(path);
    const found = (bytes: Buffer | null) => {
      if (bytes === null) unlinkSync(path);
      else writeFileSync(path, bytes);
      const next = new PermitFile(path);
      next.close();
      return next.found;
    };
    const otherBoot = Buffer.from(left);
    otherBoot[32]! ^= 0xff;
    otherBoot.writeUInt32LE(crc32c(otherBoot, 0, 60), 60);
    expect(found(otherBoot)).toEqual({ kind: 'none' });
    expect(found(null)).toEqual({ kind: 'none' });
    expect(found(Buffer.alloc(0))).toEqual({ kind: 'none' });
    for (const bytes of [left.subarray(0, 63), Buffer.concat([left, left]), Buffer.alloc(64)]) {
      expect(found(bytes)).toEqual({ kind: 'unreadable' });
      expect(readFileSync(path)).toEqual(bytes);
    }
  });

  it('keeps its place and its size, so that revoking needs no space', () => {
    const before = statSync(path);
    for (let i = 0; i < 100; i++) writer.renew('ACTIVE', i, 1_500);
    writer.revoke(101, true);
    expect(statSync(path)).toMatchObject({ ino: before.ino, size: 64 });
  });

  it('costs at most 20 µs a read (median), and little to write', () => {
    const permit = createPermitReader(path, createSystemClock());
    const micros = (work: () => void) => {
      const times: number[] = [];
      for (let i = 0; i < 20_000; i++) {
        const from = process.hrtime.bigint();
        work();
        times.push(Number(process.hrtime.bigint() - from) / 1000);
      }
      times.sort((a, b) => a - b);
      return { p50: times[10_000]!, p99: times[19_800]! };
    };
    const expires = createSystemClock().monotonicMs() + 5_000;
    writer.renew('ACTIVE', 1, expires);
    const read = micros(() => permit.read());
    const write = micros(() => writer.renew('ACTIVE', 1, expires));
    console.log(
      `permit: read p50 ${read.p50.toFixed(1)} µs, p99 ${read.p99.toFixed(1)} µs; renew p50 ${write.p50.toFixed(1)} µs, p99 ${write.p99.toFixed(1)} µs`,
    );
    expect(read.p50).toBeLessThanOrEqual(20);
  });
});

describe('a permit file whose place is lost', () => {
  const permit = () => createPermitReader(path, clock).read();
  const LOSSES: Record<string, () => void> = {
    'its folder is gone': () => rmSync(dir, { recursive: true }),
    'its folder was moved': () => renameSync(dir, `${dir}-moved`),
    'its name is a folder': () => {
      unlinkSync(path);
      mkdirSync(join(path, 'in it'), { recursive: true });
    },
    'its name is a file of somebody else': () => {
      unlinkSync(path);
      writeFileSync(path, 'x'.repeat(200));
    },
    'a file stands in its folder’s place': () => {
      renameSync(dir, `${dir}-moved`);
      writeFileSync(dir, '');
    },
  };
  afterEach(() => rmSync(`${dir}-moved`, { recursive: true, force: true }));

  it.each(Object.keys(LOSSES).slice(0, 4))('is made again where %s', (loss) => {
    writer.renew('ACTIVE', 7, 1_500);
    LOSSES[loss]!();
    writer.renew('ACTIVE', 7, 1_500);
    expect(permit()).toMatchObject({ ok: true, epoch: 7 });
    LOSSES['its folder is gone']!();
    writer.revoke(8, true);
    expect(permit()).toEqual({ ok: false, reason: 'revoked' });
    LOSSES['its folder is gone']!();
    writer.keep();
    const next = new PermitFile(path);
    expect(next.found).toEqual({ kind: 'halted', epoch: 8 });
    next.close();
  });

  it('never writes to a descriptor that it has closed, nor closes it twice', () => {
    writer.renew('ACTIVE', 7, 1_500);
    LOSSES['a file stands in its folder’s place']!();
    expect(() => writer.renew('ACTIVE', 7, 1_500)).toThrow(`cannot open the permit file ${path}`);
    // Whatever is opened next has the number that was closed.
    const others = Array.from({ length: 8 }, (_, i) =>
      openSync(join(tmpdir(), `rb-${process.pid}-${i}`), 'w+'),
    );
    const attempts = [
      () => writer.renew('ACTIVE', 7, 1_500),
      () => writer.keep(),
      () => writer.revoke(8, true),
      () => writer.renew('ACTIVE', 9, 1_500),
    ];
    for (const attempt of attempts) expect(attempt).toThrow(path);
    for (const [i, other] of others.entries()) {
      expect(fstatSync(other).size).toBe(0);
      closeSync(other);
      unlinkSync(join(tmpdir(), `rb-${process.pid}-${i}`));
    }
    // What was moved away is still a permit to nobody for long: it was taken back before it was let go of, or lapses.
    rmSync(dir);
    writer.revoke(10, true);
    expect(permit()).toEqual({ ok: false, reason: 'revoked' });
  });

  it('is nobody’s any more once it is closed', () => {
    writer.close();
    expect(() => writer.renew('ACTIVE', 7, 1_500)).toThrow('the guard has stopped');
    expect(permit()).toEqual({ ok: false, reason: 'revoked' });
  });
});

describe('crc32c', () => {
  it('gives the check value of RFC 3720', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  });
});
