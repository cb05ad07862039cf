/**
 * One order over a line that loses packets, inside a network of its own. Run as `unshare -n node lossy-line.js CASE`; prints
 * what became of it as JSON. The exchange's end of the wire is in this process, the order's end in one of its own.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createCcxtBroker, createExchange } from '../../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../../src/adapters/clock/system-clock.js';
import type { DenialReason } from '../../../../src/core/order.js';
import { ACCOUNT, startWorld, walk } from '../../../simulator/world.js';
import { startFront } from '../order-front.js';

interface Case {
  readonly lost: 'SYN' | 'data';
  readonly lostMs: number;
  readonly after: 'press' | 'kill' | 'stop' | 'nothing';
}

/** What is lost and for how many milliseconds from the first loss; what is done to the order's process then. */
const CASES: Record<string, Case> = {
  'connect-0.7': { lost: 'SYN', lostMs: 700, after: 'press' },
  'connect-2.5': { lost: 'SYN', lostMs: 2500, after: 'press' },
  'lost-0.3': { lost: 'data', lostMs: 300, after: 'press' },
  'lost-0.9': { lost: 'data', lostMs: 900, after: 'press' },
  'lost-killed': { lost: 'data', lostMs: 600, after: 'kill' },
  // As one that is killed while a thread of it waits for a disk: the kernel keeps its connections until that thread is back.
  'lost-stopped': { lost: 'data', lostMs: 1000, after: 'stop' },
  'never-acknowledged': { lost: 'data', lostMs: 2500, after: 'nothing' },
};

interface Asked {
  readonly restUrl: string;
  readonly wsUrl: string;
}

async function sendOrder({ restUrl, wsUrl }: Asked): Promise<void> {
  const clock = createSystemClock();
  const exchange = await createExchange(
    { id: 'binance', symbols: ['BTC/USDT'], restUrl, wsUrl, sandbox: true },
    clock,
    ACCOUNT,
  );
  let reason: DenialReason | null = null;
  process.on('message', () => {
    reason = 'no_permit';
  });
  const broker = createCcxtBroker(exchange, { beforeCreateLeaves: () => reason });
  await broker.balances();
  await exchange.api.loadMarkets();
  process.send!('ready');
  await once(process, 'message');
  reason = null;
  const result = await broker.create(
    {
      clientOrderId: 'rb-box-1',
      exchange: 'binance',
      symbol: 'BTC/USDT',
      side: 'buy',
      type: 'market',
      amount: '0.01',
      barOpenMs: 0,
      decisionPrice: 1,
      reducing: false,
      permitEpoch: 1,
    },
    { bid: 1, ask: 1, atMs: 0, source: 'book' },
  );
  process.send!({ kind: result.kind });
}

function nft(...words: readonly string[]): void {
  execFileSync('nft', words);
}

function droppedNow(): number {
  const listed = execFileSync('nft', ['list', 'table', 'ip', 'loss']).toString();
  return Number(/packets (\d+)/.exec(listed)![1]);
}

async function main(name: string): Promise<void> {
  const { lost, lostMs, after } = CASES[name]!;
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const world = await startWorld({ candles: walk(200, { startMs: Date.now() - 100 * 3_600_000 }) });
  // Each answer ends its connection, so that the order needs one of its own whatever it shared before.
  const front = await startFront(world.simulator.restUrl, { closesAfterAnswer: lost === 'SYN' });
  const child = fork(fileURLToPath(import.meta.url), ['order']);
  await once(child, 'spawn');
  child.send({ restUrl: front.url, wsUrl: world.simulator.wsUrl });
  await once(child, 'message');
  nft('add', 'table', 'ip', 'loss');
  nft('add', 'chain', 'ip', 'loss', 'in', '{ type filter hook input priority 0; }');
  const what = lost === 'SYN' ? 'tcp flags syn / syn,ack' : 'ip length > 150';
  nft(
    'add',
    'rule',
    'ip',
    'loss',
    'in',
    'tcp',
    'dport',
    String(front.port),
    ...what.split(' '),
    'counter',
    'drop',
  );
  let kind: string | null = null;
  const told = new Promise<void>((resolve) => {
    child.once('message', (result) => {
      kind = (result as { kind: string }).kind;
      resolve();
    });
    child.once('exit', () => resolve());
  });
  child.send('go');
  let dropped = 0;
  while (dropped === 0 && kind === null) dropped = droppedNow();
  const lostAtMs = performance.now();
  await delay(50);
  const pressedMs = performance.now();
  if (after === 'kill') child.kill('SIGKILL');
  if (after === 'stop') child.kill('SIGSTOP');
  if (after === 'press') child.send('press');
  await delay(lostAtMs + lostMs - performance.now());
  nft('delete', 'table', 'ip', 'loss');
  if (after !== 'stop') await told;
  // Long enough for a SYN or a segment to be sent again, which takes twice as long each time.
  await delay(Math.max(1500, 1.5 * lostMs));
  const late = front.orderBytesAfter(pressedMs + 60).map(Math.round);
  child.kill('SIGKILL');
  const orders = world.simulator.ledger().accounts[0]!.orders.length;
  process.stdout.write(`${JSON.stringify({ kind, dropped, late, orders })}\n`);
  process.exit(0);
}

if (process.argv[2] === 'order') process.once('message', (asked) => void sendOrder(asked as Asked));
else await main(process.argv[2]!);
