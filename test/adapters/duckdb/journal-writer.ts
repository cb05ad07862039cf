import { existsSync, statSync } from 'node:fs';
import { openStore } from '../../../src/adapters/duckdb/index.js';
import { BTC, fillOf, orderEventOf } from '../../contract/store-rows.js';
import { barNumber } from './power-cuts.js';

/**
 * A process that writes bars, intents and fills with a journal until it is killed, and works the log in now and then. Each
 * thing is told on stdout only after its promise resolved, with the bytes of log and journal that are on the disk by then.
 * Run as `node journal-writer.js DATABASE JOURNAL FIRST_BAR CHECKPOINT_MB`.
 */
const [path, journal, first, checkpointWalMb] = process.argv.slice(2);
const store = await openStore({ path: path!, journal: journal!, checkpointWalMb: Number(checkpointWalMb) });
const tell = (what: string, i: number) => {
  const wal = existsSync(`${path}.wal`) ? statSync(`${path}.wal`).size : 0;
  process.stdout.write(`${what} ${i} ${wal} ${store.journalBytes}\n`);
};
tell('open', 0);
for (let i = Number(first); ; i++) {
  await store.commitBar(barNumber(i));
  tell('bar', i);
  await store.recordOrder(orderEventOf(`o${i}`, 'intended', i));
  tell('order', i);
  await store.recordFills([fillOf(`f${i}`, BTC.symbol, { atMs: i })]);
  tell('fill', i);
  if (i % 25 === 24) await store.checkpoint();
}
