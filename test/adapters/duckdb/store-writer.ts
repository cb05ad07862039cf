import { openStore } from '../../../src/adapters/duckdb/index.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { BTC, barOf, fillOf, orderEventOf } from '../../contract/store-rows.js';

/**
 * A process that writes until it is killed: bar, order and fill in turn, each told on stdout only after its promise
 * resolved. Run as `node store-writer.js FILE FIRST_BAR CHECKPOINT_MB [HOLD]`; with HOLD it opens and waits.
 */
const [file, first, checkpointWalMb, hold] = process.argv.slice(2);
const store = await openStore({ path: file!, checkpointWalMb: Number(checkpointWalMb) });
process.stdout.write('open\n');
if (hold) setInterval(() => undefined, 1000);
else
  for (let i = Number(first); ; i++) {
    await store.commitBar(barOf(BTC, i, { rng: seededRng(i).next, decided: true, risk: 'order' }));
    process.stdout.write(`bar ${i}\n`);
    await store.recordOrder(orderEventOf(`o${i}`, 'intended', i));
    process.stdout.write(`order ${i}\n`);
    await store.recordFills([fillOf(`f${i}`, BTC.symbol, {})]);
    process.stdout.write(`fill ${i}\n`);
  }
