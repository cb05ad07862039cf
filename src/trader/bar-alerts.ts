import type { AlertRaiser } from '../core/alert.js';
import { type StreamKey, streamName } from '../core/candle.js';
import type { Health } from '../core/health.js';
import { type Calendar, timeframeMs } from '../core/timeframe.js';
import type { BarOutcome, DecidedBar } from '../pipeline/bar-outcome.js';
import type { Ingestion } from '../pipeline/ingestion/index.js';
import { dayLossOf } from '../portfolio/day-loss.js';
import { barsSince, type LosingRun } from '../portfolio/losing-run.js';
import { actionsOf, type HealthActions } from './health-policy.js';

export interface BarAlertsOptions {
  readonly alerts: AlertRaiser;
  /** Drawdown at which the circuit breaker trips; alerts come at 50, 80 and 100 % of it. */
  readonly drawdownHaltFraction: number;
  /** Limits of the whole account and what they look at; a limit left out is none, and none of them says nothing. */
  readonly limits?: {
    readonly dailyLossFraction?: number | undefined;
    readonly cooldownLosses?: number | undefined;
    readonly cooldownBars?: number | undefined;
    readonly losingRun: () => LosingRun;
    /** When the market of a stream is open: a cool-down counts its bars. */
    readonly calendarOf: (stream: StreamKey) => Calendar;
  };
  readonly quarantineAlertRate: number;
  /** Bars that a model must have been well for before its troubles are news again. */
  readonly aucWindow: number;
  /** Name of the model that decides, for people: the first digits of its hash. */
  readonly modelName: () => string;
  /** What follows from a model's health; without it every trouble is told. */
  readonly actions?: HealthActions;
  readonly quarantineShare: (stream: string) => ReturnType<Ingestion['quarantineShare']> | undefined;
}

/** Rows before the share of quarantined ones says anything. */
const QUARANTINE_ROWS_MIN = 100;

/** Turns what a bar brought into what a person should hear. Each state is told when it begins, not on every bar. */
export function createBarAlerts(options: BarAlertsOptions): { onBar(outcome: BarOutcome): Promise<void> } {
  const { alerts } = options;
  const models = new Map<string, { told: Health; wellBars: number }>();
  const quarantining = new Set<string>();
  let drawdownStep = 0;
  /** First millisecond of the last day whose loss was told. */
  let lossToldMs = 0;
  let cooling = false;

  async function onDrawdown(bar: DecidedBar): Promise<void> {
    const limit = options.drawdownHaltFraction;
    const drawdown = bar.record.account?.drawdown ?? 0;
    if (bar.breakerTripped) {
      drawdownStep = 3;
      await alerts.raise('DRAWDOWN_100', { drawdown, limit });
      return;
    }
    const step = drawdown >= limit * 0.8 ? 2 : drawdown >= limit * 0.5 ? 1 : 0;
    // It is told again only after the drawdown has gone well back, lest a wobble around a step fill the phone.
    if (step > drawdownStep) {
      await (step === 2
        ? alerts.raise('DRAWDOWN_80', { drawdown, limit })
        : alerts.raise('DRAWDOWN_50', { drawdown, limit }));
      drawdownStep = step;
    } else if (drawdown < limit * 0.4) drawdownStep = 0;
  }

  /** What forbids entries for a while is told when it begins. */
  async function onLimits({ stream, record }: DecidedBar): Promise<void> {
    const { account, candle } = record;
    if (options.limits === undefined || account === null) return;
    const { dailyLossFraction: limit, cooldownLosses = 0, cooldownBars = 0, losingRun } = options.limits;
    const loss = dayLossOf(account.dayStartEquity, account.dayLowEquity);
    if (limit !== undefined && loss >= limit && account.dayMs !== lossToldMs) {
      lossToldMs = account.dayMs;
      await alerts.raise('DAILY_LOSS', { loss, limit });
    }
    if (cooldownLosses === 0) return;
    const { count, lastMs } = losingRun();
    const barMs = timeframeMs(stream.timeframe);
    const bars = barsSince(lastMs, candle.openMs, barMs, options.limits.calendarOf(stream));
    const cools = count >= cooldownLosses && bars < cooldownBars;
    if (cools && !cooling) await alerts.raise('COOL_DOWN', { losses: count, bars: cooldownBars });
    cooling = cools;
  }

  /**
   * A rolling AUC of 30 wobbles around its limits, so a status is told once and then again only after the model has been
   * well for a whole window. In between nothing new could be said that the retained state does not show.
   */
  async function onModel(bar: DecidedBar): Promise<void> {
    if (bar.health === null) return;
    const name = streamName(bar.stream);
    const model = models.get(name) ?? { told: 'HEALTHY', wellBars: 0 };
    models.set(name, model);
    const { status, alerts: findings } = bar.health;
    const silent = options.actions && !actionsOf(bar.health, options.actions).includes('alert');
    if (status === 'HEALTHY') {
      model.wellBars += 1;
      if (model.wellBars >= options.aucWindow) model.told = 'HEALTHY';
      return;
    }
    model.wellBars = 0;
    if (silent) return;
    const figures = { model: options.modelName(), detail: findings[0] ?? 'see redbutton status' };
    if (status === 'CRITICAL' && model.told !== 'CRITICAL') {
      model.told = 'CRITICAL';
      await alerts.raise('MODEL_CRITICAL', figures);
    } else if (status === 'WARNING' && model.told === 'HEALTHY') {
      model.told = 'WARNING';
      await alerts.raise('MODEL_WARNING', figures);
    }
  }

  async function onQuarantined(stream: string, symbol: string): Promise<void> {
    const share = options.quarantineShare(stream);
    if (share === undefined || share.rows < QUARANTINE_ROWS_MIN) return;
    if (share.share <= options.quarantineAlertRate) quarantining.delete(stream);
    else if (!quarantining.has(stream)) {
      quarantining.add(stream);
      await alerts.raise('QUARANTINE_RATE', {
        symbol,
        rate: share.share,
        limit: options.quarantineAlertRate,
      });
    }
  }

  return {
    async onBar(outcome) {
      if (outcome.kind === 'already_known') return;
      await onQuarantined(streamName(outcome.stream), outcome.stream.symbol);
      if (outcome.kind !== 'decided') return;
      await onDrawdown(outcome);
      await onLimits(outcome);
      await onModel(outcome);
    },
  };
}
