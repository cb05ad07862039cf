import type { FeatureColumn } from '../../core/feature-set.js';
import type { Health } from '../../core/health.js';
import type { AucInterval } from '../../learning/delong.js';

/** The configuration's `monitoring` slice. */
export interface MonitoringConfig {
  readonly aucWindow: number;
  readonly aucCritical: number;
  readonly aucWarning: number;
  readonly psiRetrain: number;
  readonly psiWarning: number;
  readonly psiWindowRows: number;
  /**
   * `point` (the article's, and the default): the rolling AUC itself is held against the limits. `significant`: the upper end
   * of its 95 % interval, so that a sound model is not called degraded by the noise of a short window.
   */
  readonly rule?: 'point' | 'significant';
}

/** How the model does. */
export interface HealthReport {
  readonly status: Health;
  /** Null with fewer resolved predictions than the window, or with one class only. */
  readonly rollingAuc: number | null;
  /** DeLong's interval of {@link rollingAuc}; null where there is none, or where a class has one row only. */
  readonly aucInterval: AucInterval | null;
  /** Of the raw probability over the same window; null without a prediction in it. */
  readonly brier: number | null;
  /** Share of the window's predictions that called the direction; exactly one half calls none. */
  readonly hitRate: number | null;
  readonly resolvedPredictions: number;
  readonly needsRetrain: boolean;
  /** A feature's PSI is above `psiRetrain`. */
  readonly drifted: boolean;
  /** PSI by feature; empty until the window is full. */
  readonly psi: Readonly<Partial<Record<FeatureColumn, number>>>;
  /** One sentence for each finding, worst first. */
  readonly alerts: readonly string[];
}

/** What is shown of the window beside its AUC. */
export type WindowFigures = Pick<HealthReport, 'aucInterval' | 'brier' | 'hitRate'>;

const NO_FIGURES: WindowFigures = { aucInterval: null, brier: null, hitRate: null };

/**
 * The article's rules: AUC below `aucCritical` is critical and asks for retraining, below `aucWarning` a warning; a PSI
 * above `psiRetrain` asks for retraining, above `psiWarning` it is a warning. Departure: no AUC is UNKNOWN, not healthy.
 */
export function healthOf(
  rollingAuc: number | null,
  resolvedPredictions: number,
  psi: HealthReport['psi'],
  config: MonitoringConfig,
  window: WindowFigures = NO_FIGURES,
): HealthReport {
  const significant = config.rule === 'significant';
  // Where the interval is unknown nothing is significant.
  const judged = rollingAuc === null ? null : significant ? (window.aucInterval?.high ?? 1) : rollingAuc;
  const shown =
    rollingAuc === null
      ? ''
      : significant
        ? `rolling AUC ${rollingAuc.toFixed(4)}, at most ${judged?.toFixed(4)},`
        : `rolling AUC ${rollingAuc.toFixed(4)}`;
  const alerts: string[] = [];
  let status: Health = rollingAuc === null ? 'UNKNOWN' : 'HEALTHY';
  let needsRetrain = false;
  let drifted = false;
  if (judged !== null && judged < config.aucCritical) {
    status = 'CRITICAL';
    needsRetrain = true;
    alerts.push(`${shown} is below ${config.aucCritical}`);
  } else if (judged !== null && judged < config.aucWarning) {
    status = 'WARNING';
    alerts.push(`${shown} is below ${config.aucWarning}`);
  }
  for (const [column, value] of Object.entries(psi).sort((a, b) => b[1] - a[1])) {
    if (value <= config.psiWarning) break;
    if (status !== 'CRITICAL') status = 'WARNING';
    const retrain = value > config.psiRetrain;
    if (retrain) {
      needsRetrain = true;
      drifted = true;
    }
    alerts.push(
      `PSI of ${column} is ${value.toFixed(4)}, above ${retrain ? config.psiRetrain : config.psiWarning}`,
    );
  }
  return { status, rollingAuc, ...window, resolvedPredictions, needsRetrain, drifted, psi, alerts };
}
