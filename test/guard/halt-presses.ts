/**
 * Presses in one network that fails, counted by packet capture and at the exchange's end of the wire. Run by
 * scripts/halt-presses.mjs inside a network of its own; prints a line of JSON for each press.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { CREATE_PORT_FIRST, CREATE_PORT_LAST } from '../../src/core/create-ports.js';
import { PRESS_GAP_MS_MIN } from '../../src/guard/resume-window.js';
import { type FrontOptions, type OrderFront, startFront } from '../adapters/ccxt/order-front.js';
import { type BoxGate, startBoxGate } from './box-gate.js';
import { type LiveBox, startLiveBox } from './live-box.js';
import { captureOrders, type OrderCapture } from './order-capture.js';
import { isOf, judgePress, type Met, metBy, type OrderRead, type PressVerdict } from './press-verdict.js';
import { type TraderOrders, watchOrders } from './trader-orders.js';

/** What is to be done: presses that meet an order, the first of them counted from `from`. */
export interface PressRun {
  readonly condition: string;
  readonly from: number;
  readonly presses: number;
  /** With the trader running, and with the gate whatever it does. */
  readonly boundMs: number;
  readonly gate: boolean;
  readonly modelDir: string;
}

const run = JSON.parse(process.argv[2]!) as PressRun;
const root = process.env.REDBUTTON_ROOT!;

interface Condition {
  readonly front: FrontOptions;
  /** The order's packets are lost for between these times. */
  readonly lostMs?: readonly [number, number];
  /** The press comes at a random moment so long after the trader has written an order down. */
  readonly withinMs: number;
}

/** Orders are answered as soon as by an exchange that is not far. */
const answersAfterMs = 30;
// Where TLS or a tunnel is to be made for each order, other requests keep theirs: it is the machine's time that is scarce.
const CONDITIONS: Record<string, Condition> = {
  closed: { front: { closesAfterAnswer: true, answersAfterMs }, withinMs: 50 },
  'connect-0.7': { front: { tls: true, closesAfterAnswer: 'orders', answerFirstMs: 700 }, withinMs: 720 },
  'connect-2.5': { front: { tls: true, closesAfterAnswer: 'orders', answerFirstMs: 2500 }, withinMs: 2520 },
  lost: { front: {}, lostMs: [100, 900], withinMs: 120 },
  tls: { front: { tls: true, answersAfterMs }, withinMs: 50 },
  proxy: {
    front: { proxy: {}, closesAfterAnswer: 'orders', answerFirstMs: 300, answersAfterMs },
    withinMs: 340,
  },
};
/**
 * The box follows the simulator's time, and asks for it twenty times a second; of that four are enough, and the rest is
 * processor time that the boxes beside it have need of.
 */
const SELDOM_ASKS_TIME = `const ask = globalThis.fetch;
  globalThis.fetch = async (url, ...rest) => {
    if (String(url).endsWith("/sim/time")) await new Promise((resolve) => setTimeout(resolve, 200));
    return ask(url, ...rest);
  };`.replaceAll(/\n */g, ' ');
const TRADERS = ['well', 'stopped', 'killed'] as const;
type Trader = (typeof TRADERS)[number];
/** By then the last byte of an order must have left a trader that is stopped or killed, without the gate in the kernel. */
const ALONE_MS_MAX = 1000;
/** How long bytes are looked for after the line is whole again: segments that were lost are sent again by then. */
const AFTER_MS = 1500;
/** Long enough for the guard to see the press. */
const HELD_MS = 300;
/** An order is written so soon after the trader has written it down, where its connection stands. */
const AT_ONCE_MS = 8;
const ORDER_WAIT_MS_MAX = 60_000;
const DRAWS_MAX = 50;

export interface Pressed extends PressVerdict {
  readonly condition: string;
  readonly trader: Trader;
  readonly met: Met;
  /** When the guard was halted by its own account, in milliseconds after the press; it may have waited for a processor. */
  readonly haltedMs: number | null;
  /** When the trader was seen to have ended, in milliseconds after the press; null where it was well. */
  readonly endedMs: number | null;
  /** Until the press, and in all. */
  readonly waitedMs: number;
  readonly tookMs: number;
}

async function nft(rules: string): Promise<void> {
  const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'inherit', 'inherit'] });
  child.stdin.end(rules);
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`nft takes no: ${rules}`);
}

/** Loses what bears an order on its way, behind the capture. */
const lose = (port: number) =>
  nft(`table ip loss { chain in { type filter hook input priority 0;
    tcp dport ${port} tcp sport ${CREATE_PORT_FIRST}-${CREATE_PORT_LAST} ip length > 100 drop; }; }`);
const makeWhole = () => nft('delete table ip loss');

interface RecordFile {
  readonly box: LiveBox;
  readonly front: OrderFront;
  readonly orders: TraderOrders;
  readonly capture: OrderCapture;
  readonly gate: BoxGate | null;
}

/** The wall clock's time of a time of performance.now(), as the capture has it. */
const wallMs = (atMs: number) => Date.now() - performance.now() + atMs;

const readsOf = (front: OrderFront): OrderRead[] =>
  front.orders().flatMap(({ port, chunks }) => chunks.map(({ atMs }) => ({ port, atMs: wallMs(atMs) })));

interface UnderWay {
  readonly id: string;
  /** When the trader had written it down. */
  readonly fromMs: number;
}

async function nextOrder({ orders }: RecordFile): Promise<UnderWay> {
  const noneMs = ORDER_WAIT_MS_MAX;
  const id = await Promise.race([orders.next(), delay(noneMs, null, { ref: false })]);
  if (id === null) throw new Error(`the trader wrote down no order for ${noneMs} ms`);
  return { id, fromMs: Date.now() };
}

/** Resolves at a random moment of an order that is under way. */
async function orderUnderWay(place: RecordFile, { withinMs }: Condition): Promise<UnderWay> {
  for (let draws = 0; draws < DRAWS_MAX; draws++) {
    const order = await nextOrder(place);
    // Where the connection stands it is written at once: half of the presses are to come before that, or about then.
    await delay(Math.random() * (Math.random() < 0.5 ? AT_ONCE_MS : withinMs));
    if (place.orders.isUnderWay(order.id)) return order;
  }
  throw new Error(`${DRAWS_MAX} orders were over before the press`);
}

/** What the press met of it. */
function metOf(
  { front, capture }: RecordFile,
  { id, fromMs }: UnderWay,
  pressed: number,
  epoch: number,
  lost: boolean,
): Met {
  if (lost) {
    const bytes = capture.packets.find(
      (packet) => packet.bytes > 0 && packet.atMs > fromMs && isOf(epoch, packet.port),
    );
    return metBy(pressed, bytes?.atMs, undefined);
  }
  const mine = front.connections.find(({ chunks }) => chunks.some(({ text }) => text.includes(id)));
  const chunk = mine?.chunks.find(({ text }) => text.includes(id));
  if (mine === undefined || chunk === undefined) return metBy(pressed, undefined, undefined);
  const answered = (mine.answeredAtMs ?? 0) > chunk.atMs ? wallMs(mine.answeredAtMs!) : undefined;
  return metBy(pressed, wallMs(chunk.atMs), answered);
}

/** One press at a moment of an order, on an armed box; leaves it armed again. */
async function pressOnce(place: RecordFile, condition: Condition, trader: Trader): Promise<Pressed> {
  const { box, front, capture, gate } = place;
  const fromMs = performance.now();
  // The first order of an epoch makes its connection; the next one finds one that stands, unless the exchange closed it.
  if (Math.random() < 0.5) await nextOrder(place);
  if (condition.lostMs) await lose(front.port);
  const order = await orderUnderWay(place, condition);
  const waitedMs = Math.round(performance.now() - fromMs);
  const reading = box.permit();
  if (!reading.ok) throw new Error(`no permit before the press: ${reading.reason}`);
  if (gate && gate.state().epoch !== reading.epoch) throw new Error('the gate is open for another epoch');
  const boundMs = trader === 'well' || gate ? run.boundMs : ALONE_MS_MAX;
  const connectionsBefore = front.connections.length;
  const ended = new Promise<number>((resolve) => {
    box.trader.process.once('exit', () => resolve(Date.now()));
  });
  const saidBefore = box.guard.output().length;
  const pressedMs = Date.now();
  if (trader !== 'well') box.trader.process.kill(trader === 'killed' ? 'SIGKILL' : 'SIGSTOP');
  await box.button(true);
  if (condition.lostMs) {
    const [least, most] = condition.lostMs;
    const forMs = least + Math.random() * (most - least);
    await delay(Math.max(0, order.fromMs + forMs - Date.now()));
    await makeWhole();
  }
  const wholeMs = Date.now();
  const { epoch } = reading;
  await delay(Math.max(0, pressedMs + HELD_MS - Date.now()));
  const met = metOf(place, order, pressedMs, epoch, condition.lostMs !== undefined);
  const halted = /"kind":"halted".*"atMs":(\d+)/.exec(box.guard.output().slice(saidBefore));
  const haltedMs = halted && Number(halted[1]) - pressedMs;
  // One that is stopped is killed by the guard; either way its unit starts it again.
  if (trader !== 'well') await box.until('the end of the trader', () => box.trader.ended());
  const endedMs = trader === 'well' ? null : (await ended) - pressedMs;
  const started = trader === 'well' ? undefined : box.startTrader();
  await box.button(false);
  const armingMs = Date.now();
  await Promise.all([started, box.arm()]);
  await delay(Math.max(0, wholeMs + (condition.front.answerFirstMs ?? 0) + AFTER_MS - Date.now()));
  const verdict = judgePress({
    pressedMs,
    // It takes two presses that far apart.
    againMs: armingMs + PRESS_GAP_MS_MIN,
    epoch,
    boundMs,
    packets: capture.packets,
    reads: readsOf(front),
  });
  front.connections.splice(0, connectionsBefore);
  const old = capture.packets.findIndex(({ atMs }) => atMs > pressedMs);
  capture.packets.splice(0, old === -1 ? capture.packets.length : old);
  const tookMs = Math.round(performance.now() - fromMs);
  return { ...verdict, condition: run.condition, trader, met, haltedMs, endedMs, waitedMs, tookMs };
}

async function open(condition: Condition, dir: string): Promise<RecordFile & { close(): Promise<void> }> {
  const { front: options } = condition;
  const certificate = path.join(dir, 'certificate.pem');
  const capture = await captureOrders();
  let front: OrderFront | undefined;
  const box = await startLiveBox({
    modelDir: run.modelDir,
    asUnits: true,
    async front(exchangeUrl) {
      front = await startFront(exchangeUrl, { ...options, ...(options.tls && { tls: certificate }) });
      if (options.proxy === undefined) {
        const env = options.tls ? { NODE_EXTRA_CA_CERTS: certificate } : {};
        return { restUrl: front.url, env, first: SELDOM_ASKS_TIME };
      }
      // ccxt takes a proxy from its own settings alone, and the box has none of its own.
      const base = pathToFileURL(path.join(root, 'node_modules/ccxt/js/src/base/Exchange.js')).href;
      const get = `get: () => ${JSON.stringify(front.url)}, set() {}`;
      const first = `import Base from ${JSON.stringify(base)}; Object.defineProperty(Base.prototype, "httpProxy", { ${get} });`;
      return { restUrl: exchangeUrl, first: `${first} ${SELDOM_ASKS_TIME}` };
    },
  });
  const gate = run.gate ? await startBoxGate(root, box.permitFile) : null;
  const orders = watchOrders(box.journalFile);
  return {
    box,
    front: front!,
    orders,
    capture,
    gate,
    async close() {
      if (gate) {
        const { destroyed, failure } = gate.state();
        const done = `${gate.heldBack()} packets held back by the gate, ${destroyed} connections ended by it`;
        process.stderr.write(`${run.condition}: ${done}${failure === null ? '' : `; it ${failure}`}\n`);
      }
      orders.stop();
      await box.dispose();
      await gate?.stop();
      await front?.stop();
      await capture.stop();
    },
  };
}

execFileSync('ip', ['link', 'set', 'lo', 'up']);
const dir = mkdtempSync(path.join(tmpdir(), 'rb-presses-'));
const condition = CONDITIONS[run.condition]!;
try {
  const place = await open(condition, dir);
  try {
    await place.box.arm();
    for (let counted = run.from; counted < run.from + run.presses; ) {
      const pressed = await pressOnce(place, condition, TRADERS[counted % TRADERS.length]!);
      if (pressed.met !== 'none') counted++;
      process.stdout.write(`${JSON.stringify(pressed)}\n`);
    }
  } finally {
    await place.close();
  }
} finally {
  rmSync(dir, { recursive: true });
}
