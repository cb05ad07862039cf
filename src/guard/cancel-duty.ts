import { messageOf } from '../core/errors.js';
import type { CancelOrder, CancelOutcome } from '../core/guard-link.js';
import type { Clock, Scheduler } from '../ports.js';
import type { TraderSession } from './trader-session.js';

/** Cancels through a connection of the guard's own, for when the trader does not answer. */
export interface EmergencyCanceller {
  cancelAll(order: CancelOrder, signal: AbortSignal): Promise<CancelOutcome>;
}

export interface CancelDutyDeps {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly scheduler: Pick<Scheduler, 'after'>;
  readonly session: Pick<TraderSession, 'send' | 'status'>;
  /** null: the guard has no connection of its own, and says so. */
  readonly canceller: EmergencyCanceller | null;
  /** Ends a trader that does not do its duty; returns what was done in one sentence. */
  killTrader(pid: number): string;
  onOutcome(epoch: number, outcome: CancelOutcome): void;
  onKilled(detail: string): void;
}

/** Sees to it that what is open is cancelled: by the trader, else by the guard itself, until it is confirmed. */
export interface CancelDuty {
  order(order: CancelOrder): void;
  acknowledged(epoch: number): void;
  /** An outcome, the trader's or our own. */
  outcome(epoch: number, outcome: CancelOutcome): void;
  tick(nowMs: number): void;
  /** The box is armed again: nothing is to be cancelled any more. */
  end(): void;
}

/**
 * A trader that has not answered by then is ended, and the reset of its connections takes along what they still held to send.
 * With the tick that finds it and the kill this must stay below the second after which nothing of a hung trader may leave.
 */
const ACK_MS_MAX = 800;
/** The trader works on it, but has not told an outcome for this long: it hangs. */
const OUTCOME_MS_MAX = 15_000;
/** A trader that has taken the order may be silent for so long, beyond the silence that makes it count as lost. */
const SILENT_MS_MAX = 2_000;
/** One that came after the press holds no order of before and no permit: on a slow board its start may hold it up for so long. */
const ARRIVED_MS_MAX = 10_000;
const RETRY_MS = 1_000;

interface Task {
  readonly order: CancelOrder;
  readonly abort: AbortController;
  /** Who was to cancel first; any other has come since. */
  readonly firstPid: number | null;
  sentMs: number;
  acknowledged: boolean;
  /** The trader has told that it is done, or has been ended: its silence is no concern of this task. */
  traderDone: boolean;
  settled: boolean;
  emergency: 'no' | 'running' | 'waiting';
  toldAlone: boolean;
  /** Since when the trader has not been heard of; null while it is. */
  silentMs: number | null;
}

export function createCancelDuty(deps: CancelDutyDeps): CancelDuty {
  const { clock, scheduler, session } = deps;
  let task: Task | null = null;

  const outcome = (epoch: number, result: CancelOutcome) => {
    if (task?.order.epoch !== epoch) return;
    task.acknowledged = true;
    task.sentMs = clock.monotonicMs();
    if (result.confirmed) task.settled = task.traderDone = true;
    deps.onOutcome(epoch, result);
  };

  const runEmergency = async (mine: Task) => {
    if (mine.settled || mine.emergency !== 'no') return;
    if (deps.canceller === null) {
      if (mine.toldAlone) return;
      mine.toldAlone = true;
      deps.onOutcome(mine.order.epoch, {
        confirmed: false,
        openOrders: null,
        detail: 'the trader does not answer and the guard has no exchange connection of its own',
      });
      return;
    }
    mine.emergency = 'running';
    const result = await deps.canceller
      .cancelAll(mine.order, mine.abort.signal)
      .catch((error: unknown): CancelOutcome => {
        return { confirmed: false, openOrders: null, detail: `cancelling failed: ${messageOf(error)}` };
      });
    if (task !== mine) return;
    if (result.confirmed) mine.settled = true;
    deps.onOutcome(mine.order.epoch, result);
    if (mine.settled) return;
    mine.emergency = 'waiting';
    scheduler.after(RETRY_MS, () => {
      mine.emergency = 'no';
      if (task === mine && !session.status().present) void runEmergency(mine);
    });
  };

  const kill = (why: string) => {
    const { pid } = session.status();
    if (pid !== null) deps.onKilled(`${why}: ${deps.killTrader(pid)}`);
  };

  return {
    order(order) {
      if (task !== null && (task.order.epoch !== order.epoch || task.order.flatten !== order.flatten)) {
        task.abort.abort();
        task = null;
      }
      task ??= {
        order,
        abort: new AbortController(),
        firstPid: session.status().pid,
        sentMs: 0,
        acknowledged: false,
        traderDone: false,
        settled: false,
        emergency: 'no',
        toldAlone: false,
        silentMs: null,
      };
      task.sentMs = clock.monotonicMs();
      task.acknowledged = false;
      task.traderDone = false;
      if (!session.send({ type: 'cancel', ...order })) void runEmergency(task);
    },
    acknowledged(epoch) {
      if (task?.order.epoch === epoch) task.acknowledged = true;
    },
    outcome,
    tick(nowMs) {
      if (task === null) return;
      const { present, pid } = session.status();
      const arrived = pid !== task.firstPid;
      const ackMsMax = arrived ? ARRIVED_MS_MAX : ACK_MS_MAX;
      if (!present) {
        // A trader that fell silent at the press is given that time, then ended: it must not wake with old orders, nor hang
        // on to its database. One that took the order and is at work on it is given more: on a slow board what it does for
        // the first time holds it up, and nothing waits for it, since the orders are cancelled from here meanwhile.
        task.silentMs ??= nowMs;
        const due = task.acknowledged
          ? nowMs - task.silentMs > (arrived ? ARRIVED_MS_MAX : SILENT_MS_MAX)
          : nowMs - task.sentMs > ackMsMax;
        if (pid !== null && !task.traderDone && due) {
          task.traderDone = true;
          kill('the trader is silent');
        }
        void runEmergency(task);
        return;
      }
      task.silentMs = null;
      if (task.settled) return;
      const waitedMs = nowMs - task.sentMs;
      if (waitedMs <= (task.acknowledged ? OUTCOME_MS_MAX : ackMsMax)) {
        if (!task.acknowledged && waitedMs > ACK_MS_MAX) void runEmergency(task);
        return;
      }
      task.sentMs = nowMs;
      kill(`no answer to the cancel order in ${Math.round(waitedMs)} ms`);
      void runEmergency(task);
    },
    end() {
      task?.abort.abort();
      task = null;
    },
  };
}
