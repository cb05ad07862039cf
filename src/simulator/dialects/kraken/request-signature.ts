import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ApiRequest } from '../../dialect.js';
import { errors } from './kraken-error.js';

/**
 * HMAC-SHA512 over path and SHA-256 of nonce and body, in base64, with the secret's bytes; then the nonce, which must be
 * above the last one of the key. https://docs.kraken.com/exchange/guides/rest/authentication
 */
export function checkSigned(
  { path, body, params, headers }: ApiRequest,
  secret: string,
  lastNonce: bigint,
): bigint {
  const nonce = params.get('nonce') ?? jsonNonce(body);
  const digest = createHash('sha256')
    .update(nonce + body)
    .digest();
  const expected = createHmac('sha512', Buffer.from(secret, 'base64')).update(path).update(digest).digest();
  const given = Buffer.from(String(headers['api-sign'] ?? ''), 'base64');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw errors.badSignature();
  if (!/^\d{1,20}$/.test(nonce) || BigInt(nonce) <= lastNonce) throw errors.badNonce();
  return BigInt(nonce);
}

function jsonNonce(body: string): string {
  return /"nonce"\s*:\s*"?(\d+)/.exec(body)?.[1] ?? '';
}
