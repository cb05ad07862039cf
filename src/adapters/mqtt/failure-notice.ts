import { messageOf, RedbuttonError } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import { type AlertLog, createRepeatGuard, redact } from '../alert-delivery/alert-log.js';

export interface FailureNotice {
  failed(error: unknown): void;
  connected(): void;
}

/**
 * Says why there is no connection: one sentence with its remedy when a reason first shows itself, again each 10 minutes
 * while it stays, and one line when the connection is back. A reconnect each few seconds must not flood an SD card.
 */
export function createFailureNotice(
  log: AlertLog,
  clock: Clock,
  broker: string,
  secret: () => string | undefined,
): FailureNotice {
  const mayReport = createRepeatGuard(clock);
  let downSinceMs: number | null = null;
  let reportedDown = false;
  return {
    failed(error) {
      const nowMs = clock.monotonicMs();
      downSinceMs ??= nowMs;
      const { reason, sentence, remedy } = explain(error, broker);
      if (!mayReport(reason)) return;
      reportedDown = true;
      const detail = redact(messageOf(error), [secret()]);
      log.warn({ errorCode: 'E_MQTT', reason, remedy, detail }, `${sentence}; alerts wait. ${remedy}`);
    },
    connected() {
      if (reportedDown && downSinceMs !== null) {
        const awayMs = Math.round(clock.monotonicMs() - downSinceMs);
        log.info({ awayMs }, `connected to the broker ${broker} after ${awayMs} ms; waiting alerts go out`);
      }
      downSinceMs = null;
      reportedDown = false;
    },
  };
}

interface Explanation {
  readonly reason: string;
  readonly sentence: string;
  readonly remedy: string;
}

function explain(error: unknown, broker: string): Explanation {
  const code = (error as { code?: unknown } | null)?.code;
  const text = messageOf(error);
  if (error instanceof RedbuttonError) {
    return { reason: error.code, sentence: error.message, remedy: `To fix it: ${error.remedy}.` };
  }
  if (code === 134 || code === 4 || code === 135 || code === 5 || code === 138) {
    return {
      reason: 'refused',
      sentence: `the broker ${broker} refuses user or password`,
      remedy: 'Check the credentials mqtt-username and mqtt-password, and the broker’s own list of users.',
    };
  }
  if (code === 142) {
    return {
      reason: 'taken-over',
      sentence: `another client connected to ${broker} under this box’s client id`,
      remedy:
        'The box takes another id. Change the broker’s passwords if that was not you, and let no two boxes share a state folder.',
    };
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return {
      reason: 'name',
      sentence: `the broker’s name in ${broker} is not known here`,
      remedy: 'Check mqtt.url and the network’s name service.',
    };
  }
  if (code === 'ECONNREFUSED' || code === 'EHOSTUNREACH' || code === 'ENETUNREACH' || code === 'ETIMEDOUT') {
    return {
      reason: String(code),
      sentence: `the broker ${broker} cannot be reached (${code})`,
      remedy: 'Check that it runs, and mqtt.url, port and firewall.',
    };
  }
  if (isTlsError(code, text)) {
    return {
      reason: `tls:${String(code)}`,
      sentence: `no trusted TLS connection to the broker ${broker} (${typeof code === 'string' ? code : 'TLS error'})`,
      remedy:
        'Check mqtt.caFile, the date of the broker’s certificate, that it names this host, and a client certificate if the broker asks for one.',
    };
  }
  return {
    reason: 'lost',
    sentence: `no connection to the broker ${broker}`,
    remedy: 'The box keeps trying; if this lasts, see the broker’s own log.',
  };
}

function isTlsError(code: unknown, text: string): boolean {
  return (
    (typeof code === 'string' &&
      /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|ERR_OSSL)/.test(code)) ||
    /certificate|ssl|tls/i.test(text)
  );
}
