import { REDACTED, redact } from '../../core/redact.js';

/** Signatures, as HMAC-SHA256, SHA512 and elliptic curves give them, which stand without a name. */
const BARE = /\b(?:0x)?[0-9a-f]{64,}\b|(?<![\w+/])[A-Za-z0-9+/]{64,}={0,2}/gi;
const CAUSES_MAX = 5;

/** A ccxt error's text without addresses' questions, signatures and these secrets. */
function cleanText(text: string, secrets: readonly string[]): string {
  const unnamed = secrets.reduce(
    (rest, secret) =>
      secret === ''
        ? rest
        : rest.replaceAll(secret, REDACTED).replaceAll(encodeURIComponent(secret), REDACTED),
    text,
  );
  return redact(unnamed).replace(BARE, REDACTED);
}

/**
 * ccxt puts the whole signed address and the exchange's whole answer into its errors: they are cleaned where they leave
 * ccxt, so that whatever is made of them later (alert, log, store, status) holds no secret. The error keeps its class.
 */
export function cleanError(error: unknown, secrets: readonly string[]): unknown {
  let each = error;
  for (let depth = 0; each instanceof Error && depth < CAUSES_MAX; depth++) {
    const { message, stack } = each;
    each.message = cleanText(message, secrets);
    if (stack !== undefined) each.stack = cleanText(stack, secrets);
    each = each.cause;
  }
  return typeof error === 'string' ? cleanText(error, secrets) : error;
}
