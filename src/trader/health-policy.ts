import { type StreamKey, streamName } from '../core/candle.js';
import { stricter } from '../core/trading-state.js';
import type { HealthReport } from '../pipeline/monitoring/index.js';
import type { TradingStateSource } from '../ports/guard.js';

/** What may follow from a model's health. */
export type HealthAction = 'alert' | 'reduce' | 'halt' | 'retrain';

/** The configuration's table: what follows from each status, and from a feature whose PSI is above the limit. */
export interface HealthActions {
  readonly unknown: readonly HealthAction[];
  readonly warning: readonly HealthAction[];
  readonly critical: readonly HealthAction[];
  readonly drift: readonly HealthAction[];
}

export interface HealthPolicyOptions {
  readonly actions: HealthActions;
  /** Asks the guard to halt; told once when a stream's health begins to ask for it. */
  readonly requestHalt: (detail: string) => void;
}

/** Carries the table out: the state that the box may be in by its models' health. */
export interface HealthPolicy {
  /** After each bar of a stream; says what its health asks for. */
  onHealth(stream: StreamKey, report: HealthReport): readonly HealthAction[];
  /** The state of `states`, or a lower one while a model's health asks for it. */
  limit(states: TradingStateSource): TradingStateSource;
}

/** The actions of a report: those of its status and, where a feature has drifted, those of drift. */
export function actionsOf(report: HealthReport, actions: HealthActions): readonly HealthAction[] {
  const { status, drifted } = report;
  const ofStatus =
    status === 'CRITICAL'
      ? actions.critical
      : status === 'WARNING'
        ? actions.warning
        : status === 'UNKNOWN'
          ? actions.unknown
          : [];
  return drifted ? [...new Set([...ofStatus, ...actions.drift])] : ofStatus;
}

export function createHealthPolicy(options: HealthPolicyOptions): HealthPolicy {
  const reducing = new Set<string>();
  const halting = new Set<string>();
  /** The halt was asked for and the guard has not yet carried it out. */
  let asked = false;

  return {
    onHealth(stream, report) {
      const name = streamName(stream);
      const follow = actionsOf(report, options.actions);
      if (follow.includes('reduce')) reducing.add(name);
      else reducing.delete(name);
      if (!follow.includes('halt')) halting.delete(name);
      else if (!halting.has(name)) {
        halting.add(name);
        asked = true;
        options.requestHalt(
          `the model's health on ${name}: ${report.alerts[0] ?? report.status.toLowerCase()}`,
        );
      }
      return follow;
    },
    limit: (states) => ({
      state() {
        const state = states.state();
        // Once the guard has halted its record rules: a person who re-arms it has seen the cause.
        if (state === 'HALTED') asked = false;
        if (asked) return 'HALTED';
        return reducing.size > 0 ? stricter(state, 'REDUCING') : state;
      },
    }),
  };
}
