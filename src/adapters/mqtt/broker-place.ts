import { hostname, networkInterfaces } from 'node:os';

/**
 * Whether the broker runs on this machine, judged by the address alone: loopback, this machine's name, or an address of
 * one of its interfaces. Such a broker dies with the box, so that its last will tells nobody.
 */
export function brokerIsHere(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const name = hostname().toLowerCase();
  if (host === 'localhost' || host === name || host === `${name}.local`) return true;
  if (host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)) return true;
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address.toLowerCase() === host),
  );
}
