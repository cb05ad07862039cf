import { messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import { type AlertLog, createRepeatGuard, redact } from '../alert-delivery/alert-log.js';
import type { Ending } from './endings.js';
import { explainEnding, type Peer } from './explain-ending.js';

/** Why there is no connection: a sentence, what the broker or the line said of it, and what helps. */
export interface LinkFailure {
  readonly sentence: string;
  readonly detail: string;
  readonly remedy: string;
}

export interface FailureNotice {
  failed(ended: Omit<Ending, 'atMs'>): void;
  connected(): void;
}

/**
 * Says why there is no connection: one sentence with its remedy when a reason first shows itself, again each 10 minutes
 * while it stays, and one line when the connection is back. A reconnect each few seconds must not flood an SD card.
 */
export function createFailureNotice(
  log: AlertLog,
  clock: Clock,
  peer: Peer,
  secret: () => string | undefined,
  onFailure?: (failure: LinkFailure) => void,
): FailureNotice {
  const { broker } = peer;
  const mayReport = createRepeatGuard(clock);
  let downSinceMs: number | null = null;
  let reportedDown = false;
  return {
    failed(ended) {
      const nowMs = clock.monotonicMs();
      downSinceMs ??= nowMs;
      const { reason, sentence, remedy } = explainEnding(ended, peer);
      const detail = redact(messageOf(ended.error), [secret()]);
      onFailure?.({ sentence, detail, remedy });
      if (!mayReport(reason)) return;
      reportedDown = true;
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
