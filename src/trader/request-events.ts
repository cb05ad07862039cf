import type { Log } from '../adapters/log/log.js';
import type { Alerts } from '../core/alert.js';
import type { RestWatchOptions } from '../pipeline/ingestion/index.js';

/** Tells the phone when an exchange answers no request any more, and when it does again. */
export function requestEvents(alerts: Alerts, log: Log): RestWatchOptions['events'] {
  const tell = (alert: Promise<void>) =>
    alert.catch((error) => log.error({ err: error }, 'an alert was lost'));
  return {
    onDown: (exchange, detail) =>
      tell(
        alerts.raise('LAYER_FAULT', {
          layer: `requests to ${exchange}`,
          errorCode: 'E_EXCHANGE_DOWN',
          detail,
        }),
      ),
    onUp: (exchange, afterMs) =>
      tell(alerts.raise('LAYER_BACK', { layer: `requests to ${exchange}`, afterMs })),
  };
}
