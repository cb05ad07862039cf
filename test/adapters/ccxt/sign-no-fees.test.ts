// @module-tag sockets

import { afterEach, expect, it } from 'vitest';
import { createExchange } from '../../../src/adapters/ccxt/index.js';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { type DialectServer, startDialect } from './dialect-server.js';

let server: DialectServer;
afterEach(() => server.stop());

/** As Hyperliquid answers: one coin, and an order that rests. */
function hyperliquid(body: string): unknown {
  const { type, action } = JSON.parse(body || '{}') as { type?: string; action?: { type: string } };
  if (action?.type === 'order')
    return { status: 'ok', response: { type: 'order', data: { statuses: [{ resting: { oid: 7 } }] } } };
  if (action !== undefined) return { status: 'ok', response: { type: 'default' } };
  const coin = { name: 'BTC', szDecimals: 5, maxLeverage: 50 };
  const context = {
    markPx: '60000',
    midPx: '60000',
    oraclePx: '60000',
    funding: '0',
    openInterest: '1',
    dayNtlVlm: '1',
    prevDayPx: '60000',
    premium: '0',
    impactPxs: ['60000', '60001'],
  };
  if (type === 'metaAndAssetCtxs') return [{ universe: [coin] }, [context]];
  if (type === 'meta') return { universe: [coin] };
  if (type === 'spotMeta') return { universe: [], tokens: [] };
  if (type === 'spotMetaAndAssetCtxs') return [{ universe: [], tokens: [] }, []];
  return [];
}

it('signs neither a fee nor a referrer at Hyperliquid, and adds no builder to an order', async () => {
  server = await startDialect(({ body }) => hyperliquid(body));
  const { api } = await createExchange(
    server.settings('hyperliquid', ['BTC/USDC:USDC']),
    createSystemClock(),
  );
  Object.assign(api, {
    walletAddress: '0x14791697260E4c9A71f18484C9f997B308e59325',
    privateKey: '0x0123456789012345678901234567890123456789012345678901234567890123',
  });
  await api.loadMarkets();
  await api.createOrder('BTC/USDC:USDC', 'limit', 'buy', '0.01', '50000', {});
  const actions = server.seen
    .map(({ body }) => JSON.parse(body) as { action?: { type: string; builder?: unknown } })
    .flatMap(({ action }) => (action === undefined ? [] : [action]));
  expect(actions.map(({ type }) => type)).toEqual(['order']);
  expect(actions[0]).not.toHaveProperty('builder');
});

it.each(['pacifica', 'lighter'])('has nothing left that %s would sign a fee by', async (id) => {
  server = await startDialect(() => ({ success: true, data: {} }));
  const { api } = await createExchange(server.settings(id, ['BTC/USDC:USDC']), createSystemClock());
  const signer = api as unknown as { handleBuilderFeeApproval(...of: unknown[]): Promise<unknown> };
  expect(await signer.handleBuilderFeeApproval(1, 1)).toBe(false);
  expect(server.seen).toEqual([]);
});
