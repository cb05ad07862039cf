import { badInput } from '../core/errors.js';
import { accountOf } from './paths.js';
import type { Config } from './schema.js';

/** What an owner must write into `liveAcknowledgement`, word for word. */
export const LIVE_ACKNOWLEDGEMENT = 'I trade real money with this box and may lose it';

/** Throws `E_LIVE_ACKNOWLEDGEMENT` where real money would be traded and the configuration does not say so in so many words. */
export function refuseUnacknowledgedLive(
  config: Pick<Config, 'mode' | 'exchange' | 'liveAcknowledgement'>,
): void {
  if (accountOf(config) !== 'live' || config.liveAcknowledgement === LIVE_ACKNOWLEDGEMENT) return;
  throw badInput(
    'E_LIVE_ACKNOWLEDGEMENT',
    'mode = "live" trades real money, and liveAcknowledgement does not say that you know it',
    `write liveAcknowledgement = "${LIVE_ACKNOWLEDGEMENT}", or sandbox = true in each [[exchange]] for a test network`,
  );
}
