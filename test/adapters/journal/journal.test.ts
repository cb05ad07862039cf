import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Journal, type JournalEntry, type JournalFact } from '../../../src/adapters/journal/index.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf, fillOf, orderEventOf } from '../../contract/store-rows.js';
import { watchSyncs } from '../../support/syncs.js';

/** Printed with every failure; set REDBUTTON_TEST_SEED to replay one. */
const SEED = Number(process.env.REDBUTTON_TEST_SEED ?? Date.now() % 1_000_000);

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'redbutton-journal-'));
  file = path.join(directory, 'redbutton.journal');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const order = (i: number): JournalFact => ({
  kind: 'order',
  event: orderEventOf(`o${i}`, 'intended', i),
  fills: [],
});

async function entriesOf(name: string): Promise<readonly JournalEntry[]> {
  const { journal, entries } = await Journal.open(name);
  await journal.close();
  return entries;
}

/** A journal of `count` frames, one order each. */
async function written(count: number): Promise<Buffer> {
  const { journal } = await Journal.open(file);
  for (let i = 0; i < count; i++) await journal.append(order(i)).durable;
  await journal.close();
  return readFileSync(file);
}

describe('a journal', () => {
  test('given facts of every kind, when opened again, then they are there, bit for bit and in order', async () => {
    const record = barOf(BTC, 3, { rng: seededRng(3).next, decided: true, risk: 'order' });
    const facts: JournalFact[] = [
      order(1),
      { kind: 'fills', fills: [fillOf('f1', BTC.symbol, { price: '0.000000000000000001' })] },
      {
        kind: 'bar',
        record: { ...record, features: Float64Array.from([-0, Number.NaN, 5e-324, 1 / 3]) },
        outcomes: [{ openMs: 1, up: true }],
      },
      { kind: 'account', account: { ...record.account!, equity: -0, cash: Number.POSITIVE_INFINITY } },
      { kind: 'acted', lastActedBarMs: { 'ä €': 5 } },
    ];
    const { journal } = await Journal.open(file);
    for (const fact of facts) await journal.append(fact).durable;
    await journal.close();
    expect(await entriesOf(file)).toEqual(facts.map((fact, i) => ({ ...fact, seq: i + 1 })));
  });

  test('given many at once, when written, then they share frames, and numbers go on after a restart', async () => {
    const { journal } = await Journal.open(file);
    await Promise.all(Array.from({ length: 50 }, (_, i) => journal.append(order(i)).durable));
    await journal.close();
    const again = await Journal.open(file);
    expect(again.entries.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
    expect(again.journal.append(order(50)).seq).toBe(51);
    await again.journal.close();
    expect(readFileSync(file).toString('latin1').split('\xf7RBJ').length - 1).toBeLessThan(10);
  });

  test('given it cut short at any byte, when opened, then every whole frame is there and it continues', async () => {
    const whole = await written(4);
    const frameEnds: number[] = [];
    for (
      let at = whole.indexOf('\xf7RBJ', 1, 'latin1');
      at > 0;
      at = whole.indexOf('\xf7RBJ', at + 1, 'latin1')
    )
      frameEnds.push(at);
    const [, ...ends] = [...frameEnds, whole.length];
    // Every frame's end and its neighbours are among them.
    for (
      let length = 8;
      length <= whole.length;
      length += ends.some((end) => Math.abs(end - length) < 12) ? 1 : 17
    ) {
      const copy = path.join(directory, 'copy');
      copyFileSync(file, copy);
      truncateSync(copy, length);
      const { journal, entries } = await Journal.open(copy);
      expect(entries.length, `cut at ${length}`).toBe(ends.filter((end) => end <= length).length);
      expect(journal.condition.kind, `cut at ${length}`).toBe(
        ends.includes(length) || length === 8 ? 'whole' : 'torn',
      );
      const { seq, durable } = journal.append(order(9));
      await durable;
      await journal.close();
      expect((await entriesOf(copy)).at(-1)).toEqual({ ...order(9), seq });
    }
  }, 60_000);

  test('given the last page of a power cut full of zeros or noise, when opened, then only that frame is dropped', async () => {
    const whole = await written(3);
    const lastFrame = whole.lastIndexOf('\xf7RBJ', whole.length, 'latin1');
    for (const harm of [
      Buffer.concat([whole, Buffer.alloc(4096)]),
      Buffer.from(whole).fill(0, lastFrame + 20),
      Buffer.from(whole).fill(0xab, lastFrame),
    ]) {
      writeFileSync(file, harm);
      const { journal, entries } = await Journal.open(file);
      expect(journal.condition.kind).toBe('torn');
      expect(entries.length).toBe(harm.length > whole.length ? 3 : 2);
      await journal.close();
    }
  });

  test('given any one bit flipped before the last frame, when opened, then it is told, and all others are carried over', async () => {
    const whole = await written(3);
    const lastFrame = whole.lastIndexOf('\xf7RBJ', whole.length, 'latin1');
    const rng = seededRng(SEED).next;
    const tried = new Set<number>([0, 8, 12, 16, 20]);
    while (tried.size < 60) tried.add(Math.floor(rng() * lastFrame));
    for (const at of tried) {
      const harmed = Buffer.from(whole);
      harmed[at]! ^= 1 << Math.floor(rng() * 8);
      const name = path.join(directory, `flip-${at}`);
      writeFileSync(name, harmed);
      const { journal, entries } = await Journal.open(name);
      const note = `seed ${SEED}, byte ${at}`;
      expect(journal.condition, note).toEqual({ kind: 'damaged', keptAs: `${name}.damaged-1` });
      expect(readFileSync(`${name}.damaged-1`).equals(harmed), note).toBe(true);
      expect(entries.length, note).toBe(at < 8 ? 3 : 2);
      await journal.close();
      const again = await Journal.open(name);
      expect([again.journal.condition.kind, again.entries], note).toEqual(['whole', entries]);
      await again.journal.close();
    }
  });

  test('given a cut, when opened, then the base stands there, then what the database did not hold, and numbers go on', async () => {
    const { journal } = await Journal.open(file);
    const first = journal.append(order(1));
    const second = journal.append(order(2));
    await second.durable;
    journal.settled(first.seq);
    const base: JournalFact = { kind: 'acted', lastActedBarMs: { a: 1 } };
    const cutting = journal.cut([base], () => undefined);
    const third = journal.append(order(3));
    await Promise.all([cutting, third.durable]);
    await journal.close();
    expect(await entriesOf(file)).toEqual([
      { ...base, seq: 3 },
      { ...order(2), seq: 2 },
      { ...order(3), seq: 3 },
    ]);
    expect(readdirSync(directory)).toEqual(['redbutton.journal']);
  });

  test('given a disk that fails in a cut, when the new file is not in place, then the old one continues', async () => {
    const { journal } = await Journal.open(file);
    await journal.append(order(1)).durable;
    await watchSyncs((name) => name.endsWith('.tmp'));
    await expect(journal.cut([], () => undefined)).rejects.toMatchObject({ code: 'E_JOURNAL' });
    vi.restoreAllMocks();
    await journal.append(order(2)).durable;
    await journal.close();
    expect(await entriesOf(file)).toHaveLength(2);
    expect(readdirSync(directory)).toEqual(['redbutton.journal']);
  });

  test('given a new file whose name may not outlive a power cut, then nothing is told to be durable any more', async () => {
    const { journal } = await Journal.open(file);
    await watchSyncs((name) => name === directory);
    await expect(journal.cut([], () => undefined)).rejects.toMatchObject({ code: 'E_JOURNAL' });
    vi.restoreAllMocks();
    await expect(journal.append(order(2)).durable).rejects.toMatchObject({ code: 'E_JOURNAL' });
    await journal.close();
  });

  test('given a cut that a power cut broke off, when opened, then the old journal counts', async () => {
    await written(2);
    writeFileSync(path.join(directory, '.redbutton.journal.0123456789ab.tmp'), 'half');
    expect(await entriesOf(file)).toHaveLength(2);
    expect(readdirSync(directory)).toEqual(['redbutton.journal']);
  });
});
