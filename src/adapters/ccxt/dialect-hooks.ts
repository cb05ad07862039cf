import type { Clock } from '../../ports/time.js';
import type { CcxtErrors, CcxtExchange } from './ccxt-module.js';
import { createAttempts } from './create-attempt.js';
import type { Dialect } from './dialects/dialect.js';
import type { ConnectedExchange } from './exchange.js';
import type { RequestHold } from './request-hold.js';

interface Hooked {
  readonly api: CcxtExchange;
  readonly errors: CcxtErrors;
  readonly dialect: Dialect;
  readonly hold: RequestHold;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly garbled: ConnectedExchange['garbled'];
}

const NONCE_TRIES = 3;

/** Makes ccxt's calls follow the exchange's dialect where ccxt itself does not. */
export function hookCalls(hooked: Hooked): void {
  expireCreates(hooked);
  readRefusals(hooked);
  checkAnswers(hooked);
}

/** A create request dies at the exchange when it comes late. The time counts from its signing, after all of ccxt's waiting. */
function expireCreates({ api, dialect: { expiry }, clock }: Hooked): void {
  if (expiry === undefined) return;
  const sign = api.sign.bind(api);
  api.sign = (path, access, method, params, ...rest) => {
    if (!expiry.paths.includes(path)) return sign(path, access, method, params, ...rest);
    const untilMs = clock.wallMs() + expiry.forMs;
    // What is sent as a batch is a list, and stays one.
    const dated = expiry.params === undefined ? params : { ...params, ...expiry.params(untilMs) };
    const signed = sign(path, access, method, dated, ...rest);
    return { ...signed, headers: { ...signed.headers, ...expiry.headers?.(untilMs) } };
  };
}

/** Some exchanges say "too many requests" with another status than 429. */
function readRefusals({ api, dialect: { holds }, hold }: Hooked): void {
  if (holds.length === 0) return;
  const handleErrors = api.handleErrors.bind(api);
  api.handleErrors = (status, reason, url, method, headers, body, ...rest) => {
    for (const rule of holds)
      if (rule.status === status && (rule.body === undefined || rule.body.test(body))) hold.refused(rule);
    return handleErrors(status, reason, url, method, headers, body, ...rest);
  };
}

/**
 * ccxt makes an empty list of what has not the form of a list: then no order would be open. A nonce that came after a greater one
 * is given again, except with a create request, which is never sent twice by itself.
 */
function checkAnswers({ api, errors, dialect, garbled }: Hooked): void {
  const fetch2 = api.fetch2.bind(api);
  api.fetch2 = async (...call) => {
    const path = String(call[0]);
    for (let tries = 1; ; tries++) {
      try {
        const answer = await fetch2(...call);
        if (dialect.shapes[path]?.(answer) === false)
          throw garbled(path, 'has not the form that it should have');
        return answer;
      } catch (error) {
        const again = dialect.nonce !== null && error instanceof errors.InvalidNonce && tries < NONCE_TRIES;
        if (!again || createAttempts.getStore() !== undefined) throw error;
      }
    }
  };
}
