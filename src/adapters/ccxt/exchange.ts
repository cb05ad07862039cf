import { createHash } from 'node:crypto';
import { fault, type RedbuttonError } from '../../core/errors.js';
import { RECV_WINDOW_MS } from '../../core/in-flight.js';
import { isDerivative } from '../../core/symbol.js';
import type { Clock } from '../../ports/time.js';
import {
  type Addresses,
  type AddressSettings,
  checkedAddresses,
  checkedHostname,
  enterSandbox,
  isLoopback,
  redirect,
} from './addresses.js';
import {
  type CcxtErrors,
  type CcxtExchange,
  type CcxtRequest,
  type CcxtSocket,
  loadCcxt,
} from './ccxt-module.js';
import { cleanError } from './clean-error.js';
import { checkMayLeave } from './create-attempt.js';
import { CreateConnections } from './create-connections.js';
import type { CreateRoute } from './create-socket.js';
import { hookCalls } from './dialect-hooks.js';
import type { Dialect } from './dialects/dialect.js';
import { createOrderIdCodec, type OrderIdCodec } from './dialects/order-ids.js';
import { dialectOf } from './dialects/table.js';
import { growingNonce } from './growing-nonce.js';
import { createRequestHold, type RequestHold } from './request-hold.js';
import { NO_FEES, signNoFees } from './sign-no-fees.js';
import { type StreamLines, streamLines } from './stream-lines.js';
import { keepRoomForUrgent } from './urgent-requests.js';

/** The slice of the configuration that an exchange is built from; an entry of `exchange` fits as it is. */
export interface ExchangeSettings extends AddressSettings {
  readonly symbols: readonly string[];
}

/** By the settings of ccxt that take them; which of them an exchange wants stands in its dialect. */
export interface Credentials {
  readonly apiKey?: string;
  readonly secret?: string;
  readonly password?: string;
  readonly walletAddress?: string;
  readonly privateKey?: string;
  readonly uid?: string;
}

export interface ConnectionOptions {
  /** Name of the box, whose client order ids are read back. */
  readonly device?: string;
  /** Told of each answer that is not believed: its place, and what is wrong with it. */
  readonly onGarbled?: (place: string, detail: string) => void;
}

/** A ccxt exchange, pointed at where the configuration says and set on the given clock. */
export interface ConnectedExchange {
  readonly id: string;
  readonly api: CcxtExchange;
  readonly errors: CcxtErrors;
  readonly clock: Clock;
  readonly dialect: Dialect;
  /** Client order ids of this box as the exchange writes them. */
  readonly ids: OrderIdCodec;
  /** Counts an answer that is not believed, and is what to throw for it. */
  readonly garbled: (place: string, detail: string) => RedbuttonError;
  readonly creates: Pick<CreateConnections, 'warm' | 'recheck'>;
  readonly lines: StreamLines;
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * Builds the exchange. Addresses in the configuration replace all of ccxt's own and must be loopback unless `sandbox`
 * (`E_EXCHANGE_ADDRESS`, see {@link checkedAddresses}); then nothing can leave for any other place. ccxt's timestamps come from `clock`. Its rate
 * limiter is on except on loopback, where there is nobody to protect.
 */
export async function createExchange(
  config: ExchangeSettings,
  clock: Clock,
  credentials?: Credentials,
  { device = '', onGarbled }: ConnectionOptions = {},
): Promise<ConnectedExchange> {
  const addresses = checkedAddresses(config);
  const { create, errors } = await loadCcxt(config.id);
  const dialect = dialectOf(config.id);
  const hostname = checkedHostname(config, dialect.hosts);
  const local = addresses !== undefined && isLoopback(addresses.restUrl);
  const api = create({
    ...credentials,
    ...(hostname !== undefined && { hostname }),
    enableRateLimit: !local,
    timeout: REQUEST_TIMEOUT_MS,
    newUpdates: true,
    options: settingsOf(config, dialect),
  });
  api.number = String;
  api.milliseconds = () => clock.wallMs();
  api.seconds = () => Math.floor(clock.wallMs() / 1000);
  api.microseconds = () => clock.wallMs() * 1000;
  signNoFees(api, dialect.signers);
  if (dialect.nonce !== null) api.nonce = growingNonce(nameOfKey(config.id, credentials), clock);
  keepRoomForUrgent(api);
  if (config.sandbox) enterSandbox(api, addresses, dialect);
  if (addresses) {
    redirect(api, addresses);
    // ccxt wants this before its first ws:// (not wss://) connection, proxy or none.
    await api.loadHttpProxyAgent();
  }
  const creates = new CreateConnections();
  const hold = createRequestHold(config.id, clock);
  const garbled = (place: string, detail: string) => {
    onGarbled?.(place, detail);
    return fault(
      'E_EXCHANGE_GARBLED',
      `exchange ${config.id}: the answer of ${place} ${detail}`,
      'it is tried again by itself; look for a proxy or a maintenance page in between if it lasts',
    );
  };
  hookRequests({ api, addresses, hold, creates, garbled });
  hookCalls({ api, errors, dialect, hold, clock, garbled });
  cleanErrors(api, secretsOf(credentials));
  const ids = createOrderIdCodec(dialect.ids, device);
  const lines = streamLines(api, clock);
  return { id: config.id, api, errors, clock, dialect, ids, garbled, creates, lines };
}

/** An address of a wallet is no secret, and would take words out of answers that are about it. */
function secretsOf({ walletAddress: _, ...secrets }: Credentials = {}): readonly string[] {
  return Object.values(secrets);
}

/** Stands for the key in this process without being it. */
function nameOfKey(id: string, { apiKey = '' }: Credentials = {}): string {
  return `${id} ${createHash('sha256').update(apiKey).digest('hex')}`;
}

/** ccxt's options. Retries are off: a create request that is sent again blind can place an order twice. */
function settingsOf(config: ExchangeSettings, dialect: Dialect): Record<string, unknown> {
  const derivatives = config.symbols.some(isDerivative);
  const common = {
    defaultType: derivatives ? 'swap' : 'spot',
    recvWindow: RECV_WINDOW_MS,
    adjustForTimeDifference: false,
    maxRetriesOnFailure: 0,
    warnOnFetchOpenOrdersWithoutSymbol: false,
    // Bars that ccxt's stream keeps of each symbol. Two are read; a thousand, its default, would take months to fill.
    OHLCVLimit: 100,
    // Whoever rebuilds a lost feed waits between tries as it sees fit; ccxt's own wait comes on top.
    ws: { backoff: { base: 250, factor: 2, max: 2000 } },
    ...NO_FEES,
  };
  return { ...common, ...dialect.options(derivatives) };
}

interface RequestHooks {
  readonly api: CcxtExchange;
  readonly addresses: Addresses | undefined;
  readonly hold: RequestHold;
  readonly creates: CreateConnections;
  readonly garbled: ConnectedExchange['garbled'];
}

/**
 * The last check before the network. Every request is held to our addresses. A create request must pass its own check
 * where ccxt hands it over, and leaves by connections of its own, where it is asked for the last time.
 */
function hookRequests({ api, addresses, hold, creates, garbled }: RequestHooks): void {
  const fetch = api.fetch.bind(api);
  api.fetch = async (url, method, headers, body) => {
    if (addresses && !isUnder(url, addresses.restUrl)) throw astray(api.id, url);
    const attempt = checkMayLeave();
    if (attempt) {
      await api.loadFetchImplementation();
      // ccxt would fall back on Node's fetch, past the hook below.
      if (api.undiciModule === undefined) throw unsendable(api.id);
      attempt.entered = true;
    }
    const answer = await fetch(url, method, headers, body);
    // ccxt hands on a body that is no JSON as text, and some of its parsers make an empty list of text: a page of a proxy
    // would then say that no order is open.
    if (typeof answer !== 'object' || answer === null) throw garbled(new URL(url).pathname, 'is no JSON');
    return answer;
  };
  const undiciRequest = api.undiciRequest.bind(api);
  api.undiciRequest = async (url, params) => {
    hold.check();
    const attempt = checkMayLeave();
    const route = routeOf(api, url, params);
    if (!attempt) creates.learn(route);
    const dispatcher = attempt ? creates.dispatcherOf(attempt, route, params.signal) : params.dispatcher;
    const answer = (await undiciRequest(url, { ...params, dispatcher })) as HttpAnswer;
    const retryAfterMs = retryAfterOf(answer);
    hold.answered(answer.status ?? 0, retryAfterMs);
    if (attempt) Object.assign(attempt, { status: answer.status ?? null, retryAfterMs });
    return answer;
  };
  const client = api.client.bind(api);
  api.client = (url) => {
    if (addresses && !isUnder(url, addresses.wsUrl)) throw astray(api.id, url);
    return client(url);
  };
}

/** Set last, so that it hears of what the other hooks throw as well. */
function cleanErrors(api: CcxtExchange, secrets: readonly string[]): void {
  const fetch = api.fetch.bind(api);
  api.fetch = (...request) =>
    fetch(...request).catch((error: unknown) => {
      throw cleanError(error, secrets);
    });
  const client = api.client.bind(api);
  api.client = (url) => withoutOrphans(client(url), secrets);
}

const cared = new WeakSet<CcxtSocket>();

/**
 * ccxt makes promises for whoever may come to wait for them, as for a subscription that is being signed. Where it is
 * refused and nobody has come, the rejection is nobody's, and would end this process. Whoever waits still hears of it, without
 * secrets.
 */
function withoutOrphans(client: CcxtSocket, secrets: readonly string[]): CcxtSocket {
  if (cared.has(client)) return client;
  cared.add(client);
  const future = client.future.bind(client);
  client.future = (messageHash) => {
    const promised = future(messageHash);
    promised.catch((error: unknown) => cleanError(error, secrets));
    return promised;
  };
  return client;
}

interface HttpAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
}

function retryAfterOf({ headers }: HttpAnswer): number | null {
  const seconds = Number(headers?.['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : null;
}

/** A create goes where ccxt would have sent it: through the same proxy, and as strict about certificates. */
function routeOf(api: CcxtExchange, url: string, { dispatcher }: CcxtRequest): CreateRoute {
  const proxy = Object.entries(api.proxyDictionaries).find(([, known]) => known === dispatcher);
  return {
    origin: new URL(url).origin,
    proxy: proxy?.[0] ?? null,
    rejectUnauthorized: api.shouldValidateServerSsl(),
  };
}

function unsendable(id: string) {
  return fault(
    'E_ORDER_CONNECTION',
    `exchange ${id}: ccxt could not load undici, by which orders are sent`,
    'run npm ci',
  );
}

function isUnder(url: string, base: string): boolean {
  return url === base || url.startsWith(`${base}/`);
}

function astray(id: string, url: string) {
  return fault(
    'E_EXCHANGE_ASTRAY',
    `exchange ${id}: ccxt was about to call ${new URL(url).origin}, which is not the configured address`,
    'report this: a ccxt option asks a host that the configuration does not cover',
  );
}
