import { createHash } from 'node:crypto';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** As in `OQCLML-BW3P3-BUCMWZ`. The same number makes the same id. */
export function orderTxid(orderId: number): string {
  return txid('O', `order ${orderId}`);
}

export function tradeTxid(symbol: string, tradeId: number): string {
  return txid('T', `trade ${symbol} ${tradeId}`);
}

function txid(first: string, of: string): string {
  const digest = createHash('sha256').update(of).digest();
  const letters = first + [...digest.subarray(0, 16)].map((byte) => LETTERS[byte & 31]).join('');
  return `${letters.slice(0, 6)}-${letters.slice(6, 11)}-${letters.slice(11, 17)}`;
}

/**
 * A long UUID, a short one, or any text of up to 18 characters.
 * https://docs.kraken.com/exchange/guides/general/clordid
 */
export function isClOrdId(id: string): boolean {
  if (/^[0-9a-f]{32}$/i.test(id) || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) return true;
  return /^[\x21-\x7e]{1,18}$/.test(id);
}
