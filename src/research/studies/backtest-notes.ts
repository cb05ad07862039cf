import type { InstrumentResult } from '../backtest/backtest-collector.js';
import type { ReasonCount, ReportData } from '../report/index.js';
import type { InputStream } from './backtest-input.js';

/** Rows that were no candles, by reason, before and during the run. */
export function quarantinedRows(
  streams: readonly InputStream[],
  results: readonly InstrumentResult[],
): readonly ReasonCount[] {
  const counts = new Map<string, number>();
  const add = (reason: string, count: number) => counts.set(reason, (counts.get(reason) ?? 0) + count);
  for (const { quarantined } of streams) for (const { reason, count } of quarantined) add(reason, count);
  for (const { quarantined } of results)
    for (const [reason, count] of Object.entries(quarantined)) add(reason, count);
  return [...counts].map(([reason, count]) => ({ reason, count }));
}

/** The candles' hashes first: one line for all streams of one file. */
export function hashesOf(streams: readonly InputStream[], model: string, code: string): ReportData['hashes'] {
  const candles = streams.map((one): readonly [string, string] => {
    const [name, hash] = one.hash();
    return [streams.length > 1 ? `${one.stream.symbol}, ${name}` : name, hash];
  });
  return [...candles, ['model.onnx', model], ['code', code]];
}

/** A newcomer's first question where nothing was traded. */
export function belowThreshold(results: readonly InstrumentResult[], threshold: number): string[] {
  let highest = 0;
  let predicted = 0;
  for (const { bars } of results) {
    for (const p of bars.probabilityUp) {
      if (Number.isNaN(p)) continue;
      predicted++;
      highest = Math.max(highest, Math.abs(p - 0.5) * 2);
    }
  }
  if (predicted === 0) {
    const reasons = results.flatMap(({ silent }) => Object.entries(silent));
    const shown = reasons.map(([reason, count]) => `${count} ${reason}`).join(', ');
    return [`No bar has a prediction${shown === '' ? '' : ` (${shown})`}, so nothing was decided.`];
  }
  if (highest >= threshold) return [];
  return [
    `No prediction reached the confidence threshold of ${threshold}: the highest confidence was ${highest.toFixed(3)}. Another one: --threshold.`,
  ];
}

/** A model that has seen the bars it is tested on looks better than it is; a reader must be told. */
export function seenInTraining(
  training: { readonly fromMs: number; readonly toMs: number } | null,
  results: readonly InstrumentResult[],
): string[] {
  if (training === null) return ['Nothing is known of what this model was trained on.'];
  let seen = 0;
  let all = 0;
  for (const { bars } of results) {
    all += bars.length;
    for (const time of bars.openMs) if (time >= training.fromMs && time <= training.toMs) seen++;
  }
  if (seen === 0) return [];
  return [
    `The model was trained on ${seen} of these ${all} bars, so this looks better than anything it would do on new ones.`,
  ];
}
