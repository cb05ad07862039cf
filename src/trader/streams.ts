import { createFeatureKernel } from '../adapters/native/features.js';
import type { Config } from '../config/schema.js';
import { createInferenceLayer } from '../pipeline/inference/index.js';
import { createStreamSetup } from '../pipeline/stream-setup.js';
import type { Classifier } from '../ports/model.js';
import type { Clock } from '../ports/time.js';
import type { Venue } from './open-exchanges.js';

/** A stream for each symbol of each venue, all on one kernel and one model. */
export function streamsOf(
  venues: readonly Venue[],
  config: Pick<Config, 'timeframe' | 'ingestion'>,
  classifier: Classifier,
  clock: Clock,
): readonly ReturnType<typeof createStreamSetup>[] {
  const kernel = createFeatureKernel();
  return venues.flatMap((venue) =>
    venue.config.symbols.map((symbol) =>
      createStreamSetup({
        key: { exchange: venue.id, symbol, timeframe: config.timeframe },
        calendar: venue.config.calendar,
        marketRules: () => venue.market.rules(symbol)!,
        ingestion: config.ingestion,
        kernel,
        inference: createInferenceLayer({ classifier }),
        clock,
      }),
    ),
  );
}
