// Writes src/adapters/ccxt/exchange-hosts.ts from every exchange that ccxt knows. A test holds the committed file to
// exchangeHosts(), so that a new version of ccxt cannot bring a live host unseen.
// Usage: node scripts/exchange-hosts.mjs
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isRun, readOptions } from './usage.mjs';

if (isRun(import.meta.url)) readOptions(import.meta.url);
const { default: ccxt } = await import('ccxt');

/** What some exchanges answer under as well, and ccxt does not list. */
const ALSO_LIVE = [
  'bytick.com',
  'okex.com',
  'gateapi.io',
  'gate.io',
  'gate.com',
  'huobi.com',
  'hbdm.com',
  'kucoin.io',
];

/** Live domains, and the hosts among them that are test networks, sorted. */
export function exchangeHosts() {
  const live = new Set(ALSO_LIVE);
  const liveHosts = new Set();
  const test = new Set();
  for (const kind of [ccxt, ccxt.pro]) {
    for (const id of ccxt.exchanges) {
      const Exchange = kind[id];
      if (Exchange === undefined) continue;
      const { urls, hostname, options } = new Exchange();
      const names = [hostname, ...textsOf(options?.hostnames)].filter((name) => typeof name === 'string');
      for (const host of hostsOf(urls.api, names)) liveHosts.add(host);
      for (const host of hostsOf(urls.www, names)) if (!SHARED.has(host)) live.add(domainOf(host));
      for (const name of names) liveHosts.add(name);
      for (const host of hostsOf([urls.test, urls.demo], names)) test.add(host);
    }
  }
  for (const host of liveHosts) if (!SHARED.has(host)) live.add(domainOf(host));
  const inside = (host) => [...live].some((domain) => host === domain || host.endsWith(`.${domain}`));
  return {
    live: [...live].sort(),
    test: [...test].filter((host) => inside(host) && !liveHosts.has(host)).sort(),
  };
}

/** Pages about exchanges that are not theirs. */
const SHARED = new Set(['github.com', 'www.github.com']);

function textsOf(value) {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsOf);
}

function hostsOf(value, names) {
  return textsOf(value).flatMap((url) => {
    const filled = url.includes('{hostname}')
      ? names.map((name) => url.replaceAll('{hostname}', name))
      : [url];
    return filled.flatMap((each) => (URL.canParse(each) ? [new URL(each).hostname] : []));
  });
}

/** What is registered: two labels, or three where the second is a category of a country. */
function domainOf(host) {
  const labels = host.split('.');
  const category =
    labels.at(-1).length === 2 && /^(co|com|net|org|or|ne|ac|gov|edu)$/.test(labels.at(-2) ?? '');
  return labels.slice(category ? -3 : -2).join('.');
}

export function hostsFile({ live, test }) {
  const list = (name, hosts) =>
    `export const ${name}: ReadonlySet<string> = new Set([\n${hosts.map((host) => `  '${host}',`).join('\n')}\n]);\n`;
  return `// Made from ccxt's addresses by scripts/exchange-hosts.mjs; a test holds this file to the ccxt that is installed.

/** Domains under which exchanges trade real money. */
${list('LIVE_DOMAINS', live)}
/** Hosts below them that are test networks. */
${list('TEST_HOSTS', test)}`;
}

if (isRun(import.meta.url)) {
  writeFileSync(
    fileURLToPath(new URL('../src/adapters/ccxt/exchange-hosts.ts', import.meta.url)),
    hostsFile(exchangeHosts()),
  );
}
