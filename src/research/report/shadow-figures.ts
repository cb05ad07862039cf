import { areaUnderCurve } from '../../core/auc.js';
import { type AucDifference, aucDifference } from '../../learning/delong.js';
import { brierScore } from '../../learning/evaluate.js';
import type { AskRows } from './stored-fills.js';

/** A shadow model against the model that decided, over the bars that both answered. */
export interface ShadowFigures {
  readonly shadow: string;
  readonly decided: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly bars: number;
  /** Share of those bars on which both were on the same side of one half. */
  readonly agreement: number;
  /** Bars whose outcome is known: what the figures below are of. */
  readonly resolved: number;
  readonly shadowAuc: number | null;
  readonly decidedAuc: number | null;
  /** AUC of the shadow less that of the other (DeLong, paired). */
  readonly difference: AucDifference | null;
  readonly shadowBrier: number | null;
  readonly decidedBrier: number | null;
}

/** Ends in the order of the rows' writing, which stays while rows are added. */
const rowsSince = (fromMs: number) => `
  SELECT s.model_hash, d.model_hash, s.open_ms, s.probability_up, d.probability_up, o.up
  FROM shadow_predictions s JOIN decisions d USING (exchange, symbol, timeframe, open_ms)
  LEFT JOIN outcomes o USING (exchange, symbol, timeframe, open_ms)
  WHERE d.model_hash IS NOT NULL AND s.open_ms >= ${fromMs} ORDER BY s.rowid`;

interface Pair {
  readonly shadow: string;
  readonly decided: string;
  fromMs: number;
  toMs: number;
  bars: number;
  agreed: number;
  readonly theirs: number[];
  readonly ours: number[];
  readonly up: number[];
}

/** One entry for each pair of models that met, in the order in which they did; bars that open before `fromMs` are left out. */
export async function shadowFigures(ask: AskRows, fromMs = 0): Promise<readonly ShadowFigures[]> {
  const pairs = new Map<string, Pair>();
  for (const [shadow, decided, openMs, p, q, up] of await ask(rowsSince(fromMs))) {
    const name = `${shadow}:${decided}`;
    const ms = Number(openMs);
    const pair: Pair = pairs.get(name) ?? {
      shadow: String(shadow),
      decided: String(decided),
      fromMs: ms,
      toMs: ms,
      bars: 0,
      agreed: 0,
      theirs: [],
      ours: [],
      up: [],
    };
    pairs.set(name, pair);
    pair.fromMs = Math.min(pair.fromMs, ms);
    pair.toMs = Math.max(pair.toMs, ms);
    pair.bars++;
    if (Number(p) > 0.5 === Number(q) > 0.5) pair.agreed++;
    if (up === null) continue;
    pair.theirs.push(Number(p));
    pair.ours.push(Number(q));
    pair.up.push(up === true ? 1 : 0);
  }
  return [...pairs.values()].map(({ theirs, ours, up, agreed, ...pair }) => ({
    ...pair,
    agreement: agreed / pair.bars,
    resolved: up.length,
    shadowAuc: areaUnderCurve(theirs, up),
    decidedAuc: areaUnderCurve(ours, up),
    difference: aucDifference(theirs, ours, up),
    shadowBrier: brierScore(theirs, up),
    decidedBrier: brierScore(ours, up),
  }));
}
