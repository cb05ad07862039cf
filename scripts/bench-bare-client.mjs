// The least that anybody needs between a closed bar and an order, for scripts/bench-orders.mjs; does nothing by itself.
// Usage: import { bareClient } from './bench-bare-client.mjs'
import { open } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isRun, readOptions } from './usage.mjs';

if (isRun(import.meta.url)) readOptions(import.meta.url);
const { default: WebSocket } = await import('ws');
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/**
 * The least that anybody needs between a closed bar and an order: hears of the bar, asks for all order books in one request
 * and syncs a frame of the journal's size, without a thought in between. What that takes is the machine's and not
 * ours. Milliseconds from the first symbol's word of each of `count` steps.
 */
export async function bareClient({ restUrl, wsUrl, symbols, dir, count, step }) {
  const ids = symbols.map((symbol) => symbol.replace('/', ''));
  const books = `${restUrl}/api/v3/ticker/bookTicker?symbols=${encodeURIComponent(JSON.stringify(ids))}`;
  const file = await open(path.join(dir, 'bare-client'), 'w');
  const frame = Buffer.alloc(700, 1);
  const line = new WebSocket(`${wsUrl}/ws/bare`);
  let heard = () => {};
  line.on('message', (data) => {
    const message = JSON.parse(String(data));
    if ((message.data ?? message).k?.x) heard();
  });
  try {
    await new Promise((resolve, reject) => line.once('open', resolve).once('error', reject));
    const params = ids.map((id) => `${id.toLowerCase()}@kline_1h`);
    line.send(JSON.stringify({ method: 'SUBSCRIBE', params, id: 1 }));
    await sleep(500);
    const took = [];
    for (let i = 0; i < count; i++) {
      const closed = new Promise((resolve, reject) => {
        const late = setTimeout(() => reject(new Error(`heard of no bar in step ${i}`)), 10_000);
        heard = () => resolve(clearTimeout(late));
      });
      step();
      await closed;
      const fromMs = nowMs();
      await (await fetch(books)).json();
      await file.write(frame);
      await file.datasync();
      took.push(nowMs() - fromMs);
      await sleep(400);
    }
    return took;
  } finally {
    line.close();
    await file.close();
  }
}
