import type { FaultShapes } from '../../dialect.js';

const LISTS = /\/private\/(OpenOrders|ClosedOrders|QueryOrders|TradesHistory|QueryTrades)$/;

/** What a fault plan's faults look like in Kraken's words: most of them within HTTP 200. */
export const faultShapes: FaultShapes = {
  spared: new Set(['GET /0/public/Time', 'GET /0/public/SystemStatus']),
  listsOrders: ({ path }) => LISTS.test(path),
  places: ({ path }) => path === '/0/private/AddOrder',
  bookOf: ({ path, params }) => (path === '/0/public/Depth' ? (params.get('pair') ?? '') : undefined),
  rateLimit: { status: 200, body: '{"error":["EAPI:Rate limit exceeded"]}' },
  malformed: '{"error":[],"result":{"txid":[',
  errorWithin200: '{"error":["EGeneral:Internal error"]}',
  absurd: (value) =>
    eachOrder(value, (info) => ('vol_exec' in info ? { ...info, vol_exec: '900000000' } : info)),
  changeRows,
};

type Rows = Readonly<Record<string, object>>;

/** The rows of a list stand by id under `open`, `closed` or `trades`, or are the result itself. */
function listOf(value: unknown): { readonly rows: Rows; put(rows: Rows): unknown } | undefined {
  const result = (value as { result?: Record<string, unknown> }).result;
  if (result === undefined) return undefined;
  const name = ['open', 'closed', 'trades'].find((each) => each in result);
  const rows = (name === undefined ? result : result[name]) as Rows;
  if (!Object.values(rows).every((row) => typeof row === 'object' && row !== null && 'vol' in row))
    return undefined;
  return {
    rows,
    put: (changed) => ({
      ...(value as object),
      result: name === undefined ? changed : { ...result, [name]: changed },
    }),
  };
}

function eachOrder(value: unknown, change: (info: object) => object): unknown {
  const list = listOf(value);
  return list
    ? list.put(Object.fromEntries(Object.entries(list.rows).map(([id, info]) => [id, change(info)])))
    : value;
}

/** Ids name the rows, so that none stands twice: only their order can be other. The newest stands first here. */
function changeRows(value: unknown, change: (rows: readonly unknown[]) => readonly unknown[]): unknown {
  const list = listOf(value);
  if (!list) return value;
  const oldestFirst = Object.entries(list.rows).reverse();
  const changed = change(oldestFirst) as readonly [string, object][];
  return list.put(Object.fromEntries([...changed].reverse()));
}
