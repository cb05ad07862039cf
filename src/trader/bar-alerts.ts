import type { Alerts } from '../core/alert.js';
import { type StreamKey, streamName } from '../core/candle.js';
import type { Health } from '../core/health.js';
import { type Calendar, timeframeMs } from '../core/timeframe.js';
import type { BarOutcome, DecidedBar } from '../pipeline/bar-outcome.js';
import type { Ingestion } from '../pipeline/ingestion/index.js';
import { dayLossOf } from '../portfolio/day-loss.js';
import { barsSince, type LosingRun } from '../portfolio/losing-run.js';
import { actionsOf, type HealthActions } from './health-policy.js';

export interface BarAlertsOptions {
  readonly alerts: Alerts;
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
export class BarAlerts {
  readonly #options: BarAlertsOptions;
  readonly #models = new Map<string, { told: Health; wellBars: number }>();
  readonly #quarantining = new Set<string>();
  #drawdownStep = 0;
  /** First millisecond of the last day whose loss was told. */
  #lossReportedMs = 0;
  #cooling = false;

  constructor(options: BarAlertsOptions) {
    this.#options = options;
  }

  async onBar(outcome: BarOutcome): Promise<void> {
    if (outcome.kind === 'already_known') return;
    await this.#onQuarantined(streamName(outcome.stream), outcome.stream.symbol);
    if (outcome.kind !== 'decided') return;
    await this.#onDrawdown(outcome);
    await this.#onLimits(outcome);
    await this.#onModel(outcome);
  }

  async #onDrawdown(bar: DecidedBar): Promise<void> {
    const limit = this.#options.drawdownHaltFraction;
    const drawdown = bar.record.account?.drawdown ?? 0;
    if (bar.breakerTripped) {
      this.#drawdownStep = 3;
      await this.#options.alerts.raise('DRAWDOWN_100', { drawdown, limit });
      return;
    }
    const step = drawdown >= limit * 0.8 ? 2 : drawdown >= limit * 0.5 ? 1 : 0;
    // It is told again only after the drawdown has gone well back, so that a wobble around a step does not fill the phone.
    if (step > this.#drawdownStep) {
      await (step === 2
        ? this.#options.alerts.raise('DRAWDOWN_80', { drawdown, limit })
        : this.#options.alerts.raise('DRAWDOWN_50', { drawdown, limit }));
      this.#drawdownStep = step;
    } else if (drawdown < limit * 0.4) this.#drawdownStep = 0;
  }

  /** What forbids entries for a while is told when it begins. */
  async #onLimits({ stream, record }: DecidedBar): Promise<void> {
    const { account, candle } = record;
    if (this.#options.limits === undefined || account === null) return;
    const {
      dailyLossFraction: limit,
      cooldownLosses = 0,
      cooldownBars = 0,
      losingRun,
    } = this.#options.limits;
    const loss = dayLossOf(account.dayStartEquity, account.dayLowEquity);
    if (limit !== undefined && loss >= limit && account.dayMs !== this.#lossReportedMs) {
      this.#lossReportedMs = account.dayMs;
      await this.#options.alerts.raise('DAILY_LOSS', { loss, limit });
    }
    if (cooldownLosses === 0) return;
    const { count, lastMs } = losingRun();
    const barMs = timeframeMs(stream.timeframe);
    const bars = barsSince(lastMs, candle.openMs, barMs, this.#options.limits.calendarOf(stream));
    const cools = count >= cooldownLosses && bars < cooldownBars;
    if (cools && !this.#cooling)
      await this.#options.alerts.raise('COOL_DOWN', { losses: count, bars: cooldownBars });
    this.#cooling = cools;
  }

  /**
   * A rolling AUC of 30 wobbles around its limits, so a status is told once and then again only after the model has been
   * well for a whole window. In between nothing new could be said that the retained state does not show.
   */
  async #onModel(bar: DecidedBar): Promise<void> {
    if (bar.health === null) return;
    const name = streamName(bar.stream);
    const model = this.#models.get(name) ?? { told: 'HEALTHY', wellBars: 0 };
    this.#models.set(name, model);
    const { status, alerts: findings } = bar.health;
    const silent = this.#options.actions && !actionsOf(bar.health, this.#options.actions).includes('alert');
    if (status === 'HEALTHY') {
      model.wellBars += 1;
      if (model.wellBars >= this.#options.aucWindow) model.told = 'HEALTHY';
      return;
    }
    model.wellBars = 0;
    if (silent) return;
    const figures = { model: this.#options.modelName(), detail: findings[0] ?? 'see redbutton status' };
    if (status === 'CRITICAL' && model.told !== 'CRITICAL') {
      model.told = 'CRITICAL';
      await this.#options.alerts.raise('MODEL_CRITICAL', figures);
    } else if (status === 'WARNING' && model.told === 'HEALTHY') {
      model.told = 'WARNING';
      await this.#options.alerts.raise('MODEL_WARNING', figures);
    }
  }

  async #onQuarantined(stream: string, symbol: string): Promise<void> {
    const share = this.#options.quarantineShare(stream);
    if (share === undefined || share.rows < QUARANTINE_ROWS_MIN) return;
    if (share.share <= this.#options.quarantineAlertRate) this.#quarantining.delete(stream);
    else if (!this.#quarantining.has(stream)) {
      this.#quarantining.add(stream);
      await this.#options.alerts.raise('QUARANTINE_RATE', {
        symbol,
        rate: share.share,
        limit: this.#options.quarantineAlertRate,
      });
    }
  }
}
