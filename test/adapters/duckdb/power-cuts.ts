import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf } from '../../contract/store-rows.js';

/** Bar `i` of the test: every second one is decided with an order, which goes by the journal. */
export const barNumber = (i: number) =>
  barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: i % 2 === 0 ? 'order' : 'denial' });

export interface RoundsOptions {
  /** The compiled journal-writer.js. */
  readonly script: string;
  readonly dir: string;
  readonly rounds: number;
  readonly seed: number;
  readonly onRound?: (round: number) => void;
}

export interface RoundsVerdict {
  readonly flaws: readonly string[];
  readonly bars: number;
  readonly orders: number;
  /** How often the copy ended in a torn log or journal. */
  readonly torn: number;
}

interface Told {
  bars: number;
  orders: number;
  fills: number;
}

const CHECKPOINT_MB = [16, 16, 0.01];

/** Lets a process write on from bar `first`, and hands it over at a random moment. It is dead when this resolves. */
async function write(
  options: RoundsOptions,
  rng: () => number,
  round: number,
  first: number,
  at: (stop: (signal: 'SIGSTOP' | 'SIGKILL') => void) => void,
): Promise<Told> {
  const [database, journal] = [path.join(options.dir, 'a.duckdb'), path.join(options.dir, 'a.journal')];
  const child = spawn(
    process.execPath,
    [options.script, database, journal, String(first), String(CHECKPOINT_MB[round % 3])],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const told: Told = { bars: first, orders: first, fills: first };
  const lines = 1 + Math.floor(rng() * 120);
  const waitMs = rng() * 25;
  let seen = 0;
  let moment: Promise<void> | undefined;
  for await (const line of createInterface({ input: child.stdout! })) {
    const [what, index] = line.split(' ');
    if (what === 'bar') told.bars = Number(index) + 1;
    if (what === 'order') told.orders = Number(index) + 1;
    if (what === 'fill') told.fills = Number(index) + 1;
    seen += 1;
    if (seen === lines) moment = sleep(waitMs).then(() => at((signal) => child.kill(signal)));
  }
  await exited;
  await moment;
  return told;
}

/** Opens what is left and holds it against what was told to be durable. Resolves to the flaws, and the bars there. */
async function judge(
  database: string,
  journal: string,
  told: Told,
  note: string,
): Promise<{ readonly flaws: readonly string[]; readonly bars: number }> {
  const flaws: string[] = [];
  const losses: string[] = [];
  const store = await openStore({
    path: database,
    journal,
    onDamaged: 'put-aside',
    onLoss: async (loss) => {
      losses.push(loss);
    },
  });
  for (const loss of losses) flaws.push(`${note}: a power cut was taken for damage: ${loss}`);
  const decisions = await store.decisions();
  const candles = await store.candles(BTC);
  if (candles.length !== decisions.length)
    flaws.push(`${note}: ${candles.length} candles and ${decisions.length} decisions`);
  if (decisions.length < told.bars || decisions.length > told.bars + 1)
    flaws.push(`${note}: ${decisions.length} bars, told ${told.bars}`);
  for (const [i, record] of decisions.entries())
    if (!isDeepStrictEqual(record, barNumber(i))) flaws.push(`${note}: bar ${i} is another one`);
  const ids = (await store.orderEvents()).map(({ order }) => order.clientOrderId);
  const known = new Set(ids);
  for (let i = 0; i < told.orders; i++) if (!known.has(`o${i}`)) flaws.push(`${note}: order ${i} is lost`);
  const fills = (await store.fills()).map(({ fillId }) => fillId);
  if (new Set(fills).size !== fills.length) flaws.push(`${note}: a fill is there twice`);
  for (let i = 0; i < told.fills; i++) if (!fills.includes(`f${i}`)) flaws.push(`${note}: fill ${i} is lost`);
  await store.close();
  return { flaws, bars: decisions.length };
}

/** kill -9 at random moments, in checkpoints and cuts of the journal too, each time going on with what is left. */
export async function killRounds(options: RoundsOptions): Promise<RoundsVerdict> {
  const rng = seededRng(options.seed).next;
  const flaws: string[] = [];
  let [next, bars] = [0, 0];
  for (let round = 0; round < options.rounds; round++) {
    const told = await write(options, rng, round, next, (stop) => stop('SIGKILL'));
    const note = `seed ${options.seed}, kill ${round}`;
    const judged = await judge(
      path.join(options.dir, 'a.duckdb'),
      path.join(options.dir, 'a.journal'),
      told,
      note,
    );
    flaws.push(...judged.flaws);
    bars = judged.bars;
    // The next process begins at the last told fill: bars that are there already must pass as equal.
    next = told.fills;
    options.onRound?.(round + 1);
  }
  return { flaws, bars, orders: next, torn: 0 };
}

/**
 * Power cuts: the process is stopped at a random moment, the three files are copied as they are then, and behind what is
 * on the disk stands a page of which only a part was written. The copy is opened; the process then dies, and the next
 * round begins with the originals.
 */
export async function powerCuts(options: RoundsOptions): Promise<RoundsVerdict> {
  const rng = seededRng(options.seed).next;
  const flaws: string[] = [];
  let [next, bars, torn] = [0, 0, 0];
  for (let round = 0; round < options.rounds; round++) {
    const copyDir = path.join(options.dir, `cut-${round}`);
    mkdirSync(copyDir);
    const of = (name: string) => [path.join(options.dir, name), path.join(copyDir, name)] as const;
    const told = await write(options, rng, round, next, (stop) => {
      stop('SIGSTOP');
      for (const name of [
        'a.duckdb',
        'a.duckdb.wal',
        'a.duckdb.wal.checkpoint',
        'a.duckdb.wal.recovery',
        'a.journal',
        // The new journal, half written or not yet renamed.
        ...readdirSync(options.dir).filter((name) => name.startsWith('.a.journal.')),
      ]) {
        const [from, to] = of(name);
        if (existsSync(from)) copyFileSync(from, to);
      }
      stop('SIGKILL');
    });
    for (const name of ['a.duckdb.wal', 'a.journal']) {
      const [, file] = of(name);
      if (!existsSync(file) || statSync(file).size < 200) continue;
      torn += tear(file, rng) ? 1 : 0;
    }
    const note = `seed ${options.seed}, power cut ${round}`;
    const judged = await judge(path.join(copyDir, 'a.duckdb'), path.join(copyDir, 'a.journal'), told, note);
    flaws.push(...judged.flaws);
    bars = judged.bars;
    rmSync(copyDir, { recursive: true });
    // What the killed process had told since is in the originals.
    next = Math.max(0, told.fills);
    options.onRound?.(round + 1);
  }
  return { flaws, bars, orders: next, torn };
}

/** An entry that was being appended: some of its page is there, zeros or noise instead of the rest. */
function tear(file: string, rng: () => number): boolean {
  const bytes = readFileSync(file);
  const kind = Math.floor(rng() * 4);
  if (kind === 0) return false;
  const page = 4096 - (bytes.length % 4096);
  const length = 1 + Math.floor(rng() * page);
  const tail =
    kind === 1
      ? Buffer.alloc(length)
      : kind === 2
        ? Buffer.from(Array.from({ length }, () => Math.floor(rng() * 256)))
        : // The beginning of an entry like the last ones.
          Buffer.concat([bytes.subarray(-Math.min(length, 180), -90), Buffer.alloc(Math.floor(length / 2))]);
  appendFileSync(file, tail);
  return true;
}
