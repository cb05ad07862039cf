import type { FaultShapes } from '../../dialect.js';

const ORDER_ROUTE = /\/api\/v3\/(order|openOrders|allOrders|myTrades)$/;

/** What a fault plan's faults look like in Binance's words. */
export const faultShapes: FaultShapes = {
  // What a wrong clock does is tried with /sim/clock.
  spared: new Set(['GET /api/v3/time', 'GET /sapi/v1/system/status']),
  listsOrders: ({ path }) => ORDER_ROUTE.test(path),
  places: ({ method, path }) => method === 'POST' && path === '/api/v3/order',
  bookOf: ({ path, params }) => (path === '/api/v3/depth' ? (params.get('symbol') ?? '') : undefined),
  rateLimit: {
    status: 429,
    body: '{"code":-1003,"msg":"Too many requests."}',
    headers: { 'retry-after': '1' },
  },
  malformed: '{"symbol":"BTCUSDT","orderId":',
  errorWithin200: '{"code":-1001,"msg":"Internal error; unable to process your request. Please try again."}',
  absurd,
  changeRows,
};

function absurd(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(absurd);
  if (typeof value !== 'object' || value === null || !('executedQty' in value)) return value;
  return { ...value, executedQty: '900000000' };
}

function changeRows(value: unknown, change: (rows: readonly unknown[]) => readonly unknown[]): unknown {
  if (Array.isArray(value)) return change(value);
  if (typeof value !== 'object' || value === null || !('fills' in value)) return value;
  return { ...value, fills: change(value.fills as readonly unknown[]) };
}
