// @module-tag sockets

import ccxt from 'ccxt';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { cleanError } from '../../../src/adapters/ccxt/clean-error.js';
import { CcxtEmergencyCanceller, createCcxtBroker } from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { type Alert, createAlerts } from '../../../src/core/alert.js';
import { ALERT_CATALOGUE } from '../../../src/core/alert-catalogue.js';
import { messageOf } from '../../../src/core/errors.js';
import type { GuardNotice } from '../../../src/guard/guard.js';
import { raiseNotice } from '../../../src/guard/notice-report.js';
import { ACCOUNT, startWorld, type World } from '../../simulator/world.js';

let world: World | undefined;
afterEach(() => world?.simulator.stop());

type ErrorClass = new (message: string) => Error;
const classes = Object.values(ccxt).filter(
  (each): each is typeof each & ErrorClass => typeof each === 'function' && each.prototype instanceof Error,
);
const hex = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 128 });
const key = fc
  .string({ unit: fc.constantFrom(...'abcXYZ0189+/='), minLength: 12, maxLength: 64 })
  .filter((text) => text.trim().length > 11);

describe('an error of ccxt', () => {
  it('leaves without key, secret and signature, in its class, whatever that is', () => {
    expect(classes.length).toBeGreaterThan(30);
    fc.assert(
      fc.property(fc.constantFrom(...classes), key, key, hex, (Kind, apiKey, secret, signature) => {
        const said = `x POST https://a.test/b?signature=${signature} ${apiKey} {"sign":"${secret}"} r=0x${signature} ${encodeURIComponent(secret)}`;
        const error = cleanError(new Kind(said), [apiKey, secret]) as Error;
        expect(error).toBeInstanceOf(Kind);
        for (const text of [error.message, error.stack ?? '', messageOf(error), String(error)]) {
          for (const each of [apiKey, secret, signature]) expect(text).not.toContain(each);
        }
      }),
    );
  });

  it.each(['hang', 'drop', 'answer'] as const)(
    'where the exchange does %s: no alert, no fault and no outcome holds a signature or the key',
    async (how) => {
      world = await startWorld();
      const { simulator } = world;
      const exchange = await world.connect();
      const broker = createCcxtBroker(await world.connect(), { beforeCreateLeaves: () => null });
      const canceller = new CcxtEmergencyCanceller({
        exchange,
        symbols: ['BTC/USDT'],
        device: 'box',
        scope: 'ours',
        clock: createSystemClock(),
        onNotLoaded: () => undefined,
      });
      await canceller.preload(new AbortController().signal);
      await broker.openOrders(['BTC/USDT']);
      simulator.interceptor = ({ params }) => {
        // An exchange, or a page in between, that repeats what it was asked.
        const body = `{"code":-1022,"msg":"bad ${params} of ${ACCOUNT.apiKey}"}`;
        return how === 'answer' ? { kind: how, status: 400, body } : { kind: how };
      };
      const order = { epoch: 1, flatten: false, cause: 'button' };
      const said = [
        await canceller.cancelAll(order, new AbortController().signal).then(
          ({ detail }) => detail,
          (error) => `${messageOf(error)} ${(error as Error).stack}`,
        ),
        ...(how === 'hang'
          ? []
          : [
              await broker
                .openOrders(['BTC/USDT'])
                .catch((error: Error) => `${error.message} ${error.stack} ${error.cause}`),
            ]),
      ].map(String);
      const alerts: Alert[] = [];
      const sink = { raise: async (alert: Alert) => void alerts.push(alert) };
      const raiser = createAlerts(ALERT_CATALOGUE, { wallMs: () => 0 }, sink, () => '1');
      // The second net: also what somebody else has let through.
      for (const detail of [...said, `GET https://x.test/a?b=1&signature=${'a1'.repeat(32)}`]) {
        await raiseNotice(raiser, { kind: 'halt_not_confirmed', detail } as GuardNotice);
      }
      for (const text of [...said, ...alerts.map((alert) => JSON.stringify(alert))]) {
        expect(text).not.toMatch(/signature=|timestamp=|test-key|test-secret|a1a1a1/);
      }
      expect(said[0]).toMatch(/openOrders|bad/);
    },
    60_000,
  );
});
