import { createHmac, timingSafeEqual } from 'node:crypto';
import { refusals } from './api-error.js';

const RECV_WINDOW_MS_DEFAULT = 5000;
const RECV_WINDOW_MS_MAX = 60_000;
const AHEAD_MS_MAX = 1000;

/** The exchange's own judgement of a time stamp: how old it is in milliseconds, below zero when it lies ahead. */
export interface RequestTime {
  ageMs(timestampMs: number): number;
}

/** A signed request: `query` and `body` exactly as they came over the wire. */
export interface SignedText {
  readonly query: string;
  readonly body: string;
}

/**
 * Checks HMAC-SHA256 over query and body without the signature itself, then the time window, as Binance spot does.
 * Throws −1102, −1022 or −1021.
 */
export function checkSigned(
  text: SignedText,
  params: URLSearchParams,
  secret: string,
  time: RequestTime,
): void {
  const payload = withoutSignature(text.query) + withoutSignature(text.body);
  checkSignature(payload, params.get('signature'), secret);
  checkTime(params, time);
}

/** The same for a request of the WebSocket API, whose parameters are signed in the order of their names. */
export function checkWsSigned(
  params: Readonly<Record<string, string | number>>,
  secret: string,
  time: RequestTime,
): void {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) given.set(name, String(value));
  const payload = Object.keys(params)
    .filter((name) => name !== 'signature')
    .sort()
    .map((name) => `${name}=${params[name]}`)
    .join('&');
  checkSignature(payload, given.get('signature'), secret);
  checkTime(given, time);
}

function checkSignature(payload: string, signature: string | null, secret: string): void {
  if (!signature) throw refusals.missing('signature');
  const expected = createHmac('sha256', secret).update(payload).digest();
  const given = Buffer.from(/^[0-9a-f]{64}$/i.test(signature) ? signature : '', 'hex');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refusals.badSignature();
}

function checkTime(params: URLSearchParams, time: RequestTime): void {
  const timestampMs = integer(params, 'timestamp');
  const windowMs = params.has('recvWindow') ? integer(params, 'recvWindow') : RECV_WINDOW_MS_DEFAULT;
  if (windowMs > RECV_WINDOW_MS_MAX) throw refusals.illegal('recvWindow');
  const ageMs = time.ageMs(timestampMs);
  if (ageMs <= -AHEAD_MS_MAX) throw refusals.aheadOfServer();
  if (ageMs > windowMs) throw refusals.badTimestamp();
}

function withoutSignature(text: string): string {
  return text
    .split('&')
    .filter((pair) => !pair.startsWith('signature='))
    .join('&');
}

function integer(params: URLSearchParams, name: string): number {
  const given = params.get(name);
  if (!given) throw refusals.missing(name);
  if (!/^\d{1,15}$/.test(given)) throw refusals.illegal(name);
  return Number(given);
}
