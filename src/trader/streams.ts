import { createFeatureKernel } from '../adapters/native/features.js';
import type { Config } from '../config/schema.js';
import { createInferenceLayer } from '../pipeline/inference/index.js';
import { createStreamSetup } from '../pipeline/stream-setup.js';
import type { Classifier } from '../ports/model.js';
import type { Clock } from '../ports/time.js';
import type { TradedExchange } from './open-exchanges.js';

/** A stream for each symbol of each exchange, all on one kernel and one model. */
export function streamsOf(
  exchanges: readonly TradedExchange[],
  config: Pick<Config, 'timeframe' | 'ingestion'>,
  classifier: Classifier,
  clock: Clock,
): readonly ReturnType<typeof createStreamSetup>[] {
  const kernel = createFeatureKernel();
  return exchanges.flatMap((exchange) =>
    exchange.config.symbols.map((symbol) =>
      createStreamSetup({
        key: { exchange: exchange.id, symbol, timeframe: config.timeframe },
        calendar: exchange.config.calendar,
        marketRules: () => exchange.market.rules(symbol)!,
        ingestion: config.ingestion,
        kernel,
        inference: createInferenceLayer({ classifier }),
        clock,
      }),
    ),
  );
}
