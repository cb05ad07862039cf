import type { ExchangeSimulator } from './exchange-simulator.js';
import { readFaults } from './fault-injector.js';
import type { MarketTerms } from './instrument.js';
import { fields, wrong } from './rejected-body.js';

/** Control of the simulator itself, apart from the exchange's API; each takes the JSON of the request's body. */
export type ControlRoutes = ReadonlyMap<string, (body: unknown) => unknown>;

type Control = (simulator: ExchangeSimulator, body: unknown) => unknown;

/** What `POST /sim/…` and `GET /sim/…` do. A body that does not fit is refused with 400 and the reason. */
export function controlRoutes(simulator: ExchangeSimulator): ControlRoutes {
  return new Map(
    Object.entries(CONTROLS).map(([route, control]) => [route, (body) => control(simulator, body)]),
  );
}

const CONTROLS: Readonly<Record<string, Control>> = {
  'GET /sim/time': ({ exchange }) => ({ serverTime: exchange.serverMs() }),
  'POST /sim/step': (simulator) => simulator.step(),
  'GET /sim/ledger': (simulator) => simulator.ledger(),
  'GET /sim/faults': (simulator) => simulator.faultReport(),
  'POST /sim/faults': setFaults,
  'POST /sim/heal': heal,
  'POST /sim/transfer': transfer,
  'POST /sim/market': changeMarket,
  'POST /sim/clock': setClock,
  'POST /sim/maintenance': setMaintenance,
  'POST /sim/ban': ban,
};

function setFaults(simulator: ExchangeSimulator, body: unknown) {
  simulator.faults = readFaults(body);
  return simulator.faultReport();
}

function heal(simulator: ExchangeSimulator) {
  const report = simulator.faultReport();
  simulator.faults = undefined;
  return report;
}

function transfer({ exchange }: ExchangeSimulator, body: unknown) {
  const { kind, asset, amount, fee = '0', apiKey } = fields(body);
  if (kind !== 'deposit' && kind !== 'withdrawal') throw wrong('kind', '"deposit" or "withdrawal"');
  const key = apiKey ?? [...exchange.accounts.keys()][0];
  if (typeof key !== 'string' || !exchange.account(key)) throw wrong('apiKey', 'a known key');
  return exchange.transfer(key, {
    kind,
    asset: text('asset', asset, /^[A-Z0-9]{1,20}$/, 'as in "USDT"'),
    amount: text('amount', amount, AMOUNT, 'decimal text'),
    fee: text('fee', fee, AMOUNT, 'decimal text'),
  });
}

function changeMarket({ exchange }: ExchangeSimulator, body: unknown) {
  const { symbol, ...given } = fields(body);
  const terms = marketTerms(given);
  if (typeof symbol !== 'string' || !exchange.changeMarket(symbol, terms))
    throw wrong('symbol', 'one of the simulator, as in "BTC/USDT"');
  return { symbol, ...terms };
}

function setClock({ exchange }: ExchangeSimulator, body: unknown) {
  const { skewMs } = fields(body);
  if (typeof skewMs !== 'number' || !Number.isInteger(skewMs)) throw wrong('skewMs', 'whole milliseconds');
  exchange.skewMs = skewMs;
  return { skewMs };
}

function setMaintenance(simulator: ExchangeSimulator, body: unknown) {
  const { on } = fields(body);
  if (typeof on !== 'boolean') throw wrong('on', 'true or false');
  simulator.maintenance = on;
  return { on };
}

function ban({ dialect }: ExchangeSimulator, body: unknown) {
  const { seconds } = fields(body);
  if (typeof seconds !== 'number' || !(seconds >= 0)) throw wrong('seconds', 'a number of 0 or more');
  dialect.ban(seconds * 1000);
  return { seconds };
}

const STEPS = ['priceTick', 'amountStep', 'amountMin', 'notionalMin'] as const;

function marketTerms(given: Readonly<Record<string, unknown>>): Partial<MarketTerms> {
  const terms: Partial<MarketTerms> = {};
  for (const name of STEPS) {
    if (given[name] !== undefined) terms[name] = text(name, given[name], AMOUNT, 'decimal text');
  }
  const { status, listed } = given;
  if (status !== undefined) {
    if (status !== 'TRADING' && status !== 'BREAK' && status !== 'HALT')
      throw wrong('status', '"TRADING", "BREAK" or "HALT"');
    terms.status = status;
  }
  if (listed !== undefined) {
    if (typeof listed !== 'boolean') throw wrong('listed', 'true or false');
    terms.listed = listed;
  }
  return terms;
}

const AMOUNT = /^\d{1,15}(\.\d{1,18})?$/;

function text(name: string, given: unknown, like: RegExp, what: string): string {
  if (typeof given === 'string' && like.test(given)) return given;
  throw wrong(name, what);
}
