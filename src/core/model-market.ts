import type { StreamKey } from './candle.js';
import type { ModelManifest } from './manifest.js';

type Trained = Pick<ModelManifest, 'sha256' | 'training'>;

/** Whether a model decides where it was trained; `unsaid` where its manifest names no symbol or no time frame. */
export type MarketFit = 'on' | 'off' | 'unsaid';

/** What a manifest names counts, by itself: a model of one hour is off its time frame on days, whatever its symbol. */
export function marketFit({ training }: Pick<ModelManifest, 'training'>, stream: StreamKey): MarketFit {
  // A model that was trained on the box names all streams of its own.
  const isOther = (named: string | null | undefined, used: string) =>
    named != null && !named.split(',').includes(used);
  if (
    isOther(training?.exchange, stream.exchange) ||
    isOther(training?.symbol, stream.symbol) ||
    isOther(training?.timeframe, stream.timeframe)
  )
    return 'off';
  return training?.symbol == null || training.timeframe === null ? 'unsaid' : 'on';
}

/** A model that decides where it was not trained, or may not have been. */
export interface StrangeMarket {
  readonly fit: Exclude<MarketFit, 'on'>;
  /** First digits of its hash. */
  readonly model: string;
  readonly trainedOn: string;
  readonly usedOn: string;
  readonly sentence: string;
}

/** Null where the model was trained on all of `streams`; else of those that are off its market, or failing that unsaid. */
export function strangeMarket(manifest: Trained, streams: readonly StreamKey[]): StrangeMarket | null {
  const of = (fit: MarketFit) => streams.filter((stream) => marketFit(manifest, stream) === fit);
  const [off, unsaid] = [of('off'), of('unsaid')];
  const model = manifest.sha256.slice(0, 8);
  const trainedOn = trainedOnOf(manifest);
  if (off.length > 0) {
    const usedOn = off.map(streamText).join('; ');
    const sentence = `the model ${model} was trained on ${trainedOn} and decides on ${usedOn}: such days on paper do not count towards real money`;
    return { fit: 'off', model, trainedOn, usedOn, sentence };
  }
  if (unsaid.length === 0) return null;
  const usedOn = unsaid.map(streamText).join('; ');
  const sentence = `the model ${model} decides on ${usedOn}, and its manifest does not say which market it was trained on`;
  return { fit: 'unsaid', model, trainedOn, usedOn, sentence };
}

/** As far as the manifest says, in words. */
export function trainedOnOf({ training }: Pick<ModelManifest, 'training'>): string {
  const { exchange = null, symbol = null, timeframe = null } = training ?? {};
  const where = exchange === null ? '' : ` at ${exchange}`;
  return `${symbol ?? 'a market that its manifest does not name'}${timeframe === null ? '' : ` (${timeframe})`}${where}`;
}

const streamText = ({ exchange, symbol, timeframe }: StreamKey) => `${symbol} (${timeframe}) at ${exchange}`;
