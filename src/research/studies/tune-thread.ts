import { parentPort, workerData } from 'node:worker_threads';
import { invariant, messageOf } from '../../core/errors.js';
import { timeframeMs } from '../../core/timeframe.js';
import { type TunedFold, tuneFold, type Variant } from '../backtest/tune.js';
import { type WalkForwardRequest, walkForwardInput } from './walk-forward-input.js';

export interface TuneWork {
  readonly request: WalkForwardRequest;
  readonly variants: readonly Variant[];
}

export type FromTuneThread =
  | { readonly type: 'ready' }
  | { readonly type: 'step' }
  | { readonly type: 'fold'; readonly index: number; readonly fold: TunedFold }
  | { readonly type: 'fault'; readonly message: string };

/** A thread that tunes one fold after the other: it reads the candles itself, and is told places of folds. */
invariant(parentPort !== null, 'the tuning thread is started by redbutton tune');
const port = parentPort;
const tell = (message: FromTuneThread) => port.postMessage(message);
const { request, variants } = workerData as TuneWork;
const input = await walkForwardInput(request);
port.on('message', (index: number) => {
  tuneFold(input.world, input.folds[index]!, variants, timeframeMs(input.timeframe), {
    onStep: () => tell({ type: 'step' }),
  }).then(
    (fold) => tell({ type: 'fold', index, fold }),
    (error: unknown) => tell({ type: 'fault', message: messageOf(error) }),
  );
});
tell({ type: 'ready' });
