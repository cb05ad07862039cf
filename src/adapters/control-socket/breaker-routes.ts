import { z } from 'zod';
import type { Alerts } from '../../core/alert.js';
import { badInput, fault } from '../../core/errors.js';
import type { AccountSnapshot, PeakRebase } from '../../core/records.js';
import type { TradingStateSource } from '../../ports/guard.js';
import { callControl } from './control-client.js';
import type { ControlRoutes } from './control-server.js';

/** What the trader says of its drawdown circuit breaker. */
export interface BreakerAnswer {
  readonly tripped: boolean;
  readonly drawdown: number;
  readonly peakEquity: number;
  readonly equity: number;
}

export interface BreakerRoutesParts {
  readonly account: () => AccountSnapshot;
  /** See `Pipeline.rebasePeak`. */
  readonly rebase: (by: string) => Promise<PeakRebase | null>;
  readonly states: TradingStateSource;
  readonly alerts: Alerts;
  /** Whether a person has opened the window to arm the box: see {@link isResumeWindowOpen}. */
  readonly windowOpen: () => Promise<boolean>;
}

const body = z.strictObject({ by: z.string().min(1).max(100) });

/**
 * `GET /breaker`, and `POST /breaker/rebase {"by": text}`, a person's word after the circuit breaker tripped. The word is
 * taken of a halted box alone, and in the window that only a person opens: so no service gives it, and what follows it,
 * arming, needs somebody at the box.
 */
export function breakerRoutes({
  account,
  rebase,
  states,
  alerts,
  windowOpen,
}: BreakerRoutesParts): ControlRoutes {
  const answer = (): BreakerAnswer => {
    const { breakerTripped, drawdown, peakEquity, equity } = account();
    return { tripped: breakerTripped, drawdown, peakEquity, equity };
  };
  return {
    'GET /breaker': () => ({ status: 200, body: answer() }),
    async 'POST /breaker/rebase'(given) {
      const parsed = body.safeParse(given);
      if (!parsed.success) throw badInput('E_BODY', 'expected {"by": text}', 'see redbutton resume --help');
      if (states.state() !== 'HALTED')
        throw fault(
          'E_NOT_HALTED',
          `the box is ${states.state()}, and the peak is rebased on a halted one alone`,
          'halt first: redbutton halt',
        );
      if (!(await windowOpen()))
        throw fault(
          'E_WINDOW',
          'no person has asked for the box to be armed, and the peak is rebased together with that alone',
          'run redbutton resume --rebase-peak',
        );
      const word = await rebase(parsed.data.by);
      if (word === null)
        throw fault('E_BREAKER', 'there is no tripped circuit breaker to release', 'see redbutton status');
      await alerts.raise('PEAK_REBASED', {
        by: word.by,
        drawdown: word.drawdownBefore,
        peak: word.peakBefore,
        equity: word.equity,
      });
      return { status: 200, body: answer() };
    },
  };
}

const ANSWER_MS_MAX = 2_000;

/**
 * Whether the guard says that the window for arming is open, which only a person opens. The trader cannot tell people from
 * services by itself: in its user namespace nearly all users look alike. A guard that does not answer says no.
 */
export async function isResumeWindowOpen(guardSocket: string): Promise<boolean> {
  try {
    const { status, body } = await callControl(
      guardSocket,
      'the guard',
      'GET',
      '/status',
      undefined,
      ANSWER_MS_MAX,
    );
    const left = (body as { readonly resumeLeftMs?: unknown } | null)?.resumeLeftMs;
    return status === 200 && typeof left === 'number';
  } catch {
    return false;
  }
}
