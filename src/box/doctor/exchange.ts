import {
  type ConnectedExchange,
  type Credentials,
  createExchange,
  dialectOf,
  exchangeOffsetMs,
  keyPermissions,
} from '../../adapters/ccxt/index.js';
import { isTimeSynchronised } from '../../adapters/clock/time-sync.js';
import { credentialsFrom, revealed } from '../../config/credentials.js';
import type { ExchangeConfig } from '../../config/schema.js';
import { messageOf } from '../../core/errors.js';
import {
  type Check,
  type Finding,
  failed,
  findingOf,
  ok,
  type Patient,
  unchecked,
  warning,
} from './finding.js';

const TIMEOUT_MS = 8_000;

/** The clock, by its own word and by each exchange's; the exchanges; what the keys may do. */
export const clockAndExchange: Check = {
  name: 'clock and exchange',
  async look(patient) {
    const exchanges = patient.config.exchange.map((exchange) => lookAt(patient, exchange));
    return [await synchronised(patient), ...(await Promise.all(exchanges)).flat()];
  },
};

async function lookAt(patient: Patient, exchange: ExchangeConfig): Promise<readonly Finding[]> {
  let connection: ConnectedExchange;
  try {
    connection = await connect(patient, exchange);
    await connection.api.loadMarkets();
  } catch (error) {
    const detail = `${exchange.id} cannot be reached: ${short(error)}`;
    return [failed('exchange', detail, 'look at network, DNS and exchange.restUrl; is the exchange up?')];
  }
  return [
    listed(exchange, connection),
    await offset(patient, exchange, connection),
    await key(patient, exchange, '', `trader’s key${at(patient, exchange)}`),
    ...(patient.config.mode === 'live'
      ? [await key(patient, exchange, 'guard-', `guard’s key${at(patient, exchange)}`)]
      : []),
  ];
}

/** Where there are several exchanges it is said whose key it is. */
const at = ({ config }: Patient, exchange: ExchangeConfig) =>
  config.exchange.length > 1 ? ` at ${exchange.id}` : '';

function listed(exchange: ExchangeConfig, { api }: ConnectedExchange): Finding {
  const missing = exchange.symbols.filter((symbol) => api.markets?.[symbol] === undefined);
  const closed = exchange.symbols.filter((symbol) => api.markets?.[symbol]?.active === false);
  if (missing.length > 0) {
    const none = missing.length === exchange.symbols.length;
    return (none ? failed : warning)(
      'exchange',
      `${exchange.id} does not list ${missing.join(', ')}: ${none ? 'the trader does not start' : 'not traded; the other symbols are'}`,
      'correct exchange.symbols',
    );
  }
  return closed.length > 0
    ? warning('exchange', `${exchange.id} takes no orders for ${closed.join(', ')} now`, 'wait until it does')
    : ok('exchange', `${exchange.id} answers and trades ${exchange.symbols.join(', ')}`);
}

async function connect(patient: Patient, exchange: ExchangeConfig, keys?: Credentials) {
  const connection = await createExchange(exchange, patient.clock, keys);
  Object.assign(connection.api, { timeout: TIMEOUT_MS });
  return connection;
}

async function synchronised({ config, timesyncFile }: Patient): Promise<Finding> {
  const { check } = config.clock;
  if (check === 'none') {
    return warning(
      'clock',
      'clock.check is "none": nothing checks whether the clock is right',
      'set clock.check = "timesync"',
    );
  }
  try {
    if (await isTimeSynchronised(check, timesyncFile)) return ok('clock', `synchronised, says ${check}`);
  } catch (error) {
    return findingOf('clock', error, `install and start ${check}`);
  }
  return failed(
    'clock',
    `not synchronised, says ${check}: no bar is taken and no order sent`,
    'look at the network and at timedatectl; systemd-timesyncd must run',
  );
}

async function offset(
  { config }: Patient,
  exchange: ExchangeConfig,
  connection: ConnectedExchange,
): Promise<Finding> {
  if (exchange.restUrl !== undefined && exchange.simulatedTime)
    return ok('clock offset', 'the exchange is simulated, with a time of its own');
  try {
    const offsetMs = await exchangeOffsetMs(connection);
    if (offsetMs === null)
      return unchecked(
        'clock offset',
        `${exchange.id} does not report its time, or answers too slowly`,
        'try again',
      );
    const detail = `${Math.round(offsetMs)} ms from ${exchange.id}’s clock (at most ${config.clock.offsetMsMax})`;
    return Math.abs(offsetMs) <= config.clock.offsetMsMax
      ? ok('clock offset', detail)
      : failed(
          'clock offset',
          `${detail}: no order is sent`,
          'set the clock right: timedatectl; see clock.check',
        );
  } catch (error) {
    return findingOf('clock offset', error);
  }
}

/** A key that may move money out is a reason to stop, whatever else is well. */
async function key(
  patient: Patient,
  exchange: ExchangeConfig,
  prefix: string,
  check: string,
): Promise<Finding> {
  const wanted = dialectOf(exchange.id).credentials;
  const fullName = ({ name }: { readonly name: string }) => `${prefix}${exchange.id}-${name}`;
  try {
    const missing = wanted.map(fullName).filter((name) => patient.credential(name) === undefined);
    if (missing.length === wanted.length) {
      return patient.config.mode === 'paper'
        ? ok(check, 'none, and on paper none is needed')
        : failed(
            check,
            'none, and mode is "live"',
            `put it into ${patient.credentialsDir}/${missing.join(' and ')}`,
          );
    }
    if (missing.length > 0)
      return failed(
        check,
        `${wanted.length === 2 ? 'half' : 'a part'} of it is missing: ${missing.join(', ')}`,
        wanted.length === 2 ? 'provide both halves' : 'provide all of it',
      );
    const given = credentialsFrom((name) => patient.credential(name), `${prefix}${exchange.id}`, wanted)!;
    const may = await keyPermissions(await connect(patient, exchange, revealed(given)));
    if (may.withdrawals === true) {
      return failed(check, 'it MAY WITHDRAW money', 'take that right from the key at the exchange, now');
    }
    if (may.trading === false && patient.config.mode === 'live') {
      return failed(check, 'it may not trade', 'give it the right to trade on spot at the exchange');
    }
    if (may.withdrawals === null) {
      return warning(
        check,
        `is accepted by ${exchange.id}, which does not reveal its permissions`,
        'see at the exchange that it cannot withdraw',
      );
    }
    if (may.addressBound === false) {
      return warning(
        check,
        'may trade, cannot withdraw, but works from any address',
        'bind it to your address at the exchange',
      );
    }
    return ok(check, 'may trade, cannot withdraw, bound to your address');
  } catch (error) {
    const finding = findingOf(check, error);
    if (finding.verdict === 'unchecked') return finding;
    return failed(
      check,
      `is refused: ${short(error)}`,
      'look at key and secret, and whether the key is bound to another address',
    );
  }
}

/** ccxt's messages carry the whole answer. */
function short(error: unknown): string {
  const text = messageOf(error).replaceAll(/\s+/g, ' ');
  return text.length > 120 ? `${text.slice(0, 117)}…` : text;
}
