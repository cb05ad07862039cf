/**
 * Presses in a network that fails, counted at the exchange's end of the wire. Run by scripts/halt-presses.mjs inside a
 * network of its own; prints a line of JSON for each press.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { CREATE_PORT_FIRST, CREATE_PORT_LAST } from '../../src/core/create-ports.js';
import { type FrontOptions, type OrderFront, startFront } from '../adapters/ccxt/order-front.js';
import { buildBox, type LiveBox, startLiveBox } from './live-box.js';

const [presses, wellMs, ...names] = process.argv.slice(2);

interface Condition {
  readonly front: FrontOptions;
  /** The order's packets are lost for between these times. */
  readonly lostMs?: readonly [number, number];
  /** The press comes at a random moment so long after the connection for an order is made, or its price asked. */
  readonly withinMs: number;
}

const CONDITIONS: Record<string, Condition> = {
  closed: { front: { closesAfterAnswer: true }, withinMs: 60 },
  'connect-0.7': { front: { tls: true, closesAfterAnswer: true, answerFirstMs: 700 }, withinMs: 800 },
  'connect-2.5': { front: { tls: true, closesAfterAnswer: true, answerFirstMs: 2500 }, withinMs: 2600 },
  lost: { front: {}, lostMs: [100, 900], withinMs: 120 },
  tls: { front: { tls: true }, withinMs: 60 },
  proxy: { front: { proxy: {}, closesAfterAnswer: true, answerFirstMs: 300 }, withinMs: 400 },
};
const TRADERS = ['well', 'stopped', 'killed'] as const;
type Trader = (typeof TRADERS)[number];
/** By then the last byte of an order must have come from a trader that is stopped or killed, without the gate in the kernel. */
const ALONE_MS_MAX = 1000;
/** How long bytes are looked for after the line is whole again: segments that were lost are sent again by then. */
const AFTER_MS = 1500;

export interface Pressed {
  readonly condition: string;
  readonly trader: Trader;
  /** Orders of which bytes came later than the bound. */
  readonly late: number;
  /** The latest byte of an order after the press, in milliseconds; null where none came after it. */
  readonly latestMs: number | null;
  /** An order was on its way at the press: its connection being made, or its answer still to come. */
  readonly met: boolean;
  readonly tookMs: number;
}

const isOrders = (port: number) => port >= CREATE_PORT_FIRST && port <= CREATE_PORT_LAST;
const nft = (...words: readonly string[]) => execFileSync('nft', words);

function lose(port: number): () => void {
  nft('add', 'table', 'ip', 'loss');
  nft('add', 'chain', 'ip', 'loss', 'in', '{ type filter hook input priority 0; }');
  const ports = `${CREATE_PORT_FIRST}-${CREATE_PORT_LAST}`;
  const rule = `tcp dport ${port} tcp sport ${ports} ip length > 100 drop`;
  nft('add', 'rule', 'ip', 'loss', 'in', ...rule.split(' '));
  return () => nft('delete', 'table', 'ip', 'loss');
}

/** One press at a moment of an order; the box is armed before and after. */
async function pressOnce(
  box: LiveBox,
  front: OrderFront,
  name: string,
  trader: Trader,
): Promise<Omit<Pressed, 'tookMs'>> {
  const condition = CONDITIONS[name]!;
  front.connections.length = 0;
  let begun: () => void = () => {};
  const begins = new Promise<void>((resolve) => {
    begun = resolve;
  });
  front.options.onConnection = (port) => {
    if (isOrders(port)) begun();
  };
  box.intercept(({ method, path: at }) => {
    if (method === 'GET' && at.includes('bookTicker')) begun();
    return undefined;
  });
  await Promise.race([begins, delay(20_000)]);
  const whole = condition.lostMs === undefined ? () => {} : lose(front.port);
  const lostMs = condition.lostMs?.map((ms) => ms) ?? [0, 0];
  const forMs = lostMs[0]! + Math.random() * (lostMs[1]! - lostMs[0]!);
  const until = delay(forMs);
  await delay(Math.random() * condition.withinMs);
  const pressedMs = performance.now();
  if (trader !== 'well') box.trader.process.kill(trader === 'killed' ? 'SIGKILL' : 'SIGSTOP');
  const pressing = box.button(true);
  const met = front.connections.some(({ port, end }) => isOrders(port) && end === 'open');
  await until;
  whole();
  await pressing;
  await delay((condition.front.answerFirstMs ?? 0) + AFTER_MS);
  const boundMs = trader === 'well' ? Number(wellMs) : ALONE_MS_MAX;
  const bytes = front.orderBytesAfter(pressedMs);
  const late = front
    .orders()
    .filter(({ chunks }) => chunks.some(({ atMs }) => atMs > pressedMs + boundMs)).length;
  delete front.options.onConnection;
  box.intercept(undefined);
  return { condition: name, trader, late, latestMs: bytes.length === 0 ? null : Math.max(...bytes), met };
}

async function run(name: string, presses: number, modelDir: string): Promise<void> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-presses-'));
  const { front: options } = CONDITIONS[name]!;
  const certificate = path.join(dir, 'certificate.pem');
  let front: OrderFront | undefined;
  const box = await startLiveBox({
    modelDir,
    async front(exchangeUrl) {
      front = await startFront(exchangeUrl, { ...options, ...(options.tls && { tls: certificate }) });
      if (options.proxy === undefined) {
        return { restUrl: front.url, env: options.tls ? { NODE_EXTRA_CA_CERTS: certificate } : {} };
      }
      // ccxt takes a proxy from its own settings alone, and the box has none of its own.
      const base = pathToFileURL(
        path.join(process.env.REDBUTTON_ROOT!, 'node_modules/ccxt/js/src/base/Exchange.js'),
      ).href;
      const get = `get: () => ${JSON.stringify(front.url)}, set() {}`;
      const first = `import Base from ${JSON.stringify(base)}; Object.defineProperty(Base.prototype, "httpProxy", { ${get} });`;
      return { restUrl: exchangeUrl, first };
    },
  });
  try {
    for (let i = 0; i < presses; i++) {
      const fromMs = performance.now();
      await box.arm();
      const pressed = await pressOnce(box, front!, name, TRADERS[i % TRADERS.length]!);
      const tookMs = Math.round(performance.now() - fromMs);
      process.stdout.write(`${JSON.stringify({ ...pressed, tookMs } satisfies Pressed)}\n`);
      await box.button(false);
      // One that was stopped is killed by the guard; either way its unit would start it again.
      await box.until(
        'the guard to end a trader that hangs',
        () => pressed.trader === 'well' || box.trader.ended(),
      );
    }
  } finally {
    await box.dispose();
    await front?.stop();
    rmSync(dir, { recursive: true });
  }
}

execFileSync('ip', ['link', 'set', 'lo', 'up']);
const { modelDir, remove } = buildBox();
try {
  for (const name of names) await run(name, Number(presses), modelDir);
} finally {
  remove();
}
