import { isIP } from 'node:net';
import { badInput } from '../../core/errors.js';
import type { CcxtExchange } from './ccxt-module.js';
import type { Dialect } from './dialects/dialect.js';
import { LIVE_DOMAINS, TEST_HOSTS } from './exchange-hosts.js';

export interface AddressSettings {
  /** ccxt id. */
  readonly id: string;
  readonly restUrl?: string | undefined;
  readonly wsUrl?: string | undefined;
  readonly sandbox: boolean;
  /** Of a region, in place of the host that ccxt has. */
  readonly hostname?: string | undefined;
}

export interface Addresses {
  readonly restUrl: string;
  readonly wsUrl: string;
}

/**
 * The addresses of an entry, without a slash at their end; undefined where it has none. Throws `E_EXCHANGE_ADDRESS` for one
 * that is not loopback unless `sandbox`, and there for one that may be an exchange's live host: under `sandbox` money counts
 * as a test network's, past every check of a live start. What is held at such a place is not looked at: nobody can say whose
 * money it is.
 */
export function checkedAddresses({ id, restUrl, wsUrl, sandbox }: AddressSettings): Addresses | undefined {
  if (restUrl === undefined && wsUrl === undefined) return undefined;
  if (restUrl === undefined || wsUrl === undefined) {
    throw badInput(
      'E_EXCHANGE_ADDRESS',
      `exchange ${id}: only one of restUrl and wsUrl is given`,
      'give both or none, so that REST and stream speak to the same place',
    );
  }
  for (const [name, url] of Object.entries({ restUrl, wsUrl })) {
    const { hostname, username, password } = new URL(url);
    if (username !== '' || password !== '') {
      throw badInput(
        'E_EXCHANGE_ADDRESS',
        `exchange ${id}: ${name} has a user or password in it`,
        'write the address alone; keys are credentials',
      );
    }
    if (isLoopback(url)) continue;
    if (!sandbox) {
      throw badInput(
        'E_EXCHANGE_ADDRESS',
        `exchange ${id}: ${name} does not point at this machine`,
        'leave restUrl and wsUrl out, so that ccxt\'s own addresses are used; for a region of an exchange write the id that ccxt has for it, as in "myokx", "okxus" or "binanceus"',
      );
    }
    const reason = mayBeLive(hostname);
    if (reason !== null) {
      throw badInput(
        'E_EXCHANGE_ADDRESS',
        `exchange ${id}: sandbox = true, but ${name} ${reason}: orders there could be real ones. Nothing was sent; positions and orders that are there are as they were, and not watched`,
        "leave restUrl and wsUrl out, so that ccxt's own test network is used, and look at the account if you traded there; for real money set sandbox = false without addresses",
      );
    }
  }
  return { restUrl: restUrl.replace(/\/+$/, ''), wsUrl: wsUrl.replace(/\/+$/, '') };
}

/** Throws `E_EXCHANGE_ADDRESS` for a host of a region that is none of the exchange's own. */
export function checkedHostname(
  { id, hostname, restUrl }: AddressSettings,
  hosts: readonly string[],
): string | undefined {
  if (hostname === undefined || (restUrl === undefined && hosts.includes(hostname))) return hostname;
  throw badInput(
    'E_EXCHANGE_ADDRESS',
    restUrl === undefined
      ? `exchange ${id}: hostname = "${hostname}" is no host that is known of it`
      : `exchange ${id}: both hostname and restUrl are given`,
    hosts.length === 0 ? 'leave hostname out' : `leave hostname out, or write one of ${hosts.join(', ')}`,
  );
}

export function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Whether this is a host of an exchange's own domains, and none of its test networks. As `URL` spells it. */
function isLiveHost(hostname: string): boolean {
  const host = hostname.replace(/\.+$/, '');
  if (TEST_HOSTS.has(host)) return false;
  const labels = host.split('.');
  return labels.some((_, i) => LIVE_DOMAINS.has(labels.slice(i).join('.')));
}

/** Why orders that go to this host could be real ones; null where they cannot, as far as its name tells. */
function mayBeLive(hostname: string): string | null {
  if (isLiveHost(hostname)) return `is a host of an exchange (${hostname})`;
  const ip = hostname.replace(/^\[|\]$/g, '');
  // A number says nothing of whose it is; those of a house or of a company's own network are no exchange's.
  if (isIP(ip) !== 0 && !isPrivate(ip)) return `is the number of a host on the internet (${hostname})`;
  return null;
}

function isPrivate(ip: string): boolean {
  if (isIP(ip) === 6) return /^f[cd]|^fe[89ab]/.test(ip);
  const [a, b] = ip.split('.').map(Number) as [number, number];
  return a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || (a === 169 && b === 254);
}

/**
 * Switches ccxt to the exchange's test network: its addresses, and the headers by which some exchanges know a demo order. At
 * an address of the configuration only the latter counts, its paths are the exchange's own. Throws `E_SANDBOX` where ccxt
 * knows no test network, or one that is the live exchange.
 */
export function enterSandbox(
  api: CcxtExchange,
  addresses: Addresses | undefined,
  { sandbox, sandboxByHeader }: Pick<Dialect, 'sandbox' | 'sandboxByHeader'>,
): void {
  const live = api.urls.api;
  if (sandbox === 'demo') api.enableDemoTrading(true);
  else api.setSandboxMode(true);
  if (addresses !== undefined) {
    api.urls = { ...api.urls, api: live };
    return;
  }
  const hosts = textsIn(api.urls.api).flatMap((url) => {
    const filled = url.replaceAll('{hostname}', api.hostname ?? '');
    return URL.canParse(filled) ? [new URL(filled).hostname] : [];
  });
  if (sandboxByHeader || !hosts.every(isLiveHost)) return;
  throw badInput(
    'E_SANDBOX',
    hosts.length === 0
      ? `exchange ${api.id}: sandbox = true, but ccxt knows no test network of it`
      : `exchange ${api.id}: sandbox = true, but what ccxt has for its test network is the live exchange (${hosts[0]})`,
    'try it with mode = "paper"',
  );
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}

/** Puts our base in the place of the scheme and host of every address, path kept. */
export function redirect(api: CcxtExchange, addresses: Addresses): void {
  const moved = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const match = /^(https?|wss?):\/\/[^/]+(.*)$/.exec(value);
      if (!match) return value;
      return (match[1]!.startsWith('ws') ? addresses.wsUrl : addresses.restUrl) + match[2]!;
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, moved(inner)]));
  };
  api.urls = { ...api.urls, api: moved(api.urls.api), test: moved(api.urls.test) };
}
