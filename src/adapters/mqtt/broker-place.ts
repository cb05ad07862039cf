import { createSocket } from 'node:dgram';
import { isIP } from 'node:net';
import { hostname } from 'node:os';

/**
 * Whether the broker runs on this machine, judged by the address alone: loopback, this machine's name, or an address of
 * one of its interfaces. Such a broker dies with the box, so that its last will tells nobody.
 */
export async function brokerIsHere(url: string): Promise<boolean> {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const name = hostname().toLowerCase();
  if (host === 'localhost' || host === name || host === `${name}.local`) return true;
  if (host === '::1' || /^127(\.\d{1,3}){3}$/.test(host)) return true;
  return isIP(host) !== 0 && isOwnAddress(host);
}

/** Only an own address can be bound. The list of interfaces is not open to a service without netlink sockets. */
function isOwnAddress(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4');
    socket.once('error', () => {
      socket.close();
      resolve(false);
    });
    socket.bind({ address, port: 0, exclusive: true }, () => {
      socket.close();
      resolve(true);
    });
  });
}
