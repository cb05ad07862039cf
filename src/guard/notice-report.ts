import type { Alerts } from '../core/alert.js';
import type { HaltRecord } from '../core/records.js';
import type { GuardNotice } from './guard.js';

/** The row of the store's history of halts that a notice makes; null for what changes no trading state. */
export function haltRecordOf(notice: GuardNotice): HaltRecord | null {
  const { atMs, state, cause, epoch } = notice;
  if (notice.kind !== 'halted' && notice.kind !== 'rearmed' && notice.kind !== 'active') return null;
  return { atMs, state, cause: cause === '' ? notice.detail : cause, epoch };
}

/** How loud a notice is in a log. */
export function severityOf(kind: GuardNotice['kind']): 'info' | 'warn' | 'error' {
  switch (kind) {
    case 'fault':
    case 'arming_failed':
    case 'halt_not_confirmed':
    case 'trader_gone':
      return 'error';
    case 'halted':
    case 'trader_lost':
    case 'trader_killed':
    case 'flatten_ended':
    case 'resume_opened':
      return 'warn';
    default:
      return 'info';
  }
}

/** Tells a person what the guard noticed. */
export async function raiseNotice(alerts: Alerts, notice: GuardNotice): Promise<void> {
  const { kind, detail } = notice;
  if (kind === 'halted') return alerts.raise('HALTED', { cause: detail });
  if (kind === 'halt_confirmed') return alerts.raise('HALT_CONFIRMED', { detail });
  if (kind === 'halt_not_confirmed') return alerts.raise('HALT_NOT_CONFIRMED', { detail });
  if (kind === 'resume_opened') return alerts.raise('RESUME_WINDOW_OPEN', { detail });
  if (kind === 'resume_expired' || kind === 'resume_closed')
    return alerts.raise('RESUME_WINDOW_CLOSED', { detail });
  if (kind === 'flatten_ended') return alerts.raise('FLATTEN_ENDED', { detail });
  if (kind === 'declined') return alerts.raise('REQUEST_DECLINED', { detail });
  if (kind === 'halt_not_recorded') return alerts.raise('HALT_NOT_RECORDED', { detail });
  if (kind === 'record_at_risk') return alerts.raise('RECORD_AT_RISK', { detail });
  if (kind === 'record_safe') return alerts.raise('RECORD_SAFE', {});
  if (kind === 'rearmed') return alerts.raise('REARMED', { by: detail });
  if (kind === 'trader_gone') return alerts.raise('TRADER_LOST', { detail });
  if (kind === 'trader_back') return alerts.raise('TRADER_BACK', { detail });
  if (kind === 'trader_killed') return alerts.raise('TRADER_DEAD', { detail });
  if (kind === 'fault' || kind === 'arming_failed') {
    return alerts.raise('LAYER_FAULT', { layer: 'guard', errorCode: 'E_GUARD', detail });
  }
}
