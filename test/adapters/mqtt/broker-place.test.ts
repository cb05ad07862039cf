import { hostname, networkInterfaces } from 'node:os';
import { describe, expect, it } from 'vitest';
import { brokerIsHere } from '../../../src/adapters/mqtt/index.js';

describe('where the broker is', () => {
  it('knows this machine by loopback, name and address', async () => {
    // A link-local address means nothing without the name of its interface, which no URL holds.
    const own = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ address }) => !address.startsWith('fe80:'));
    const hosts = ['localhost', '127.0.0.1', '127.1.2.3', '[::1]', hostname(), `${hostname()}.local`];
    for (const { address, family } of own)
      hosts.push(family === 'IPv6' ? `[${address.split('%')[0]}]` : address);
    for (const host of hosts)
      expect([host, await brokerIsHere(`mqtts://${host}:8883`)]).toEqual([host, true]);
  });

  it('takes every other machine for another', async () => {
    for (const host of [
      'broker.example',
      '203.0.113.7',
      '[2001:db8::1]',
      '1270.0.0.1.example',
      `${hostname()}.example`,
    ]) {
      expect([host, await brokerIsHere(`mqtt://${host}`)]).toEqual([host, false]);
    }
  });
});
