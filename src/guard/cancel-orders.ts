import { messageOf } from '../core/errors.js';
import type { CancelOrder, CancelOutcome } from '../core/guard-link.js';
import type { Clock, Scheduler } from '../ports/time.js';
import type { TraderSession } from './trader-session.js';

/** Cancels through a connection of the guard's own, for when the trader does not answer. */
export interface EmergencyCanceller {
  cancelAll(order: CancelOrder, signal: AbortSignal): Promise<CancelOutcome>;
  /** One look after it was confirmed; an order that has shown up since is cancelled and counted in `openOrders`. */
  lookAgain?(order: CancelOrder, signal: AbortSignal): Promise<CancelOutcome>;
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
/** Without a confirmation for this long the guard cancels beside the trader, which may hang on the exchange itself. */
const BESIDE_MS = 4_000;
/** By then the owner is told, though nobody has an answer. */
const WORD_MS = 5_000;
/** When the guard looks again after it has confirmed by itself, each counted from the look before. */
const LOOK_AGAIN_MS = [5_000, 30_000, 120_000];

interface Task {
  readonly order: CancelOrder;
  readonly abort: AbortController;
  /** Who was to cancel first; any other has come since. */
  readonly firstPid: number | null;
  readonly startedMs: number;
  sentMs: number;
  acknowledged: boolean;
  /** The trader has told that it is done, or has been ended: its silence is no concern of this task. */
  traderDone: boolean;
  settled: boolean;
  /** The trader says that it is not done: it may know of orders that no list shows. */
  traderSaidNo: boolean;
  told: boolean;
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
    task.traderSaidNo = !result.confirmed;
    if (result.confirmed) task.settled = task.traderDone = true;
    else if ((result.openOrders ?? 0) > 0) task.settled = false;
    tell(task, result);
  };
  const tell = (mine: Task, result: CancelOutcome) => {
    mine.told = true;
    deps.onOutcome(mine.order.epoch, result);
  };
  const isBesideDue = (mine: Task) => clock.monotonicMs() - mine.startedMs > BESIDE_MS;
  /** A trader that is there knows what no list shows, and closes positions: where it says no, its own yes is needed. */
  const judged = (mine: Task, result: CancelOutcome): CancelOutcome => {
    const traderDecides = session.status().present && (mine.order.flatten || mine.traderSaidNo);
    if (!result.confirmed || !traderDecides) return result;
    const detail = `the guard itself sees no open order, but the trader has not confirmed it: ${result.detail}`;
    return { confirmed: false, openOrders: null, detail };
  };

  const lookAgain = (mine: Task, nth: number) => {
    const afterMs = LOOK_AGAIN_MS[nth];
    const canceller = deps.canceller;
    if (afterMs === undefined || canceller?.lookAgain === undefined) return;
    scheduler.after(afterMs, async () => {
      if (task !== mine || !mine.settled) return;
      // One that is not answered changes nothing: it was confirmed, and the next look comes.
      const seen = await canceller.lookAgain?.(mine.order, mine.abort.signal).catch(() => undefined);
      if (task !== mine) return;
      if (!seen?.openOrders) {
        lookAgain(mine, nth + 1);
        return;
      }
      mine.settled = false;
      mine.sentMs = clock.monotonicMs();
      session.send({ type: 'cancel', ...mine.order });
      tell(mine, seen);
      void runEmergency(mine);
    });
  };

  const runEmergency = async (mine: Task) => {
    if (mine.settled || mine.emergency !== 'no') return;
    if (deps.canceller === null) {
      if (mine.toldAlone) return;
      mine.toldAlone = true;
      tell(mine, {
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
    const verdict = judged(mine, result);
    if (mine.settled || verdict.confirmed) {
      mine.emergency = 'no';
      // What the trader confirmed meanwhile is newer than what this pass saw; the looks that follow tell.
      if (!mine.settled) tell(mine, verdict);
      mine.settled = true;
      lookAgain(mine, 0);
      return;
    }
    tell(mine, verdict);
    mine.emergency = 'waiting';
    scheduler.after(RETRY_MS, () => {
      mine.emergency = 'no';
      if (task === mine && (!session.status().present || isBesideDue(mine))) void runEmergency(mine);
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
        startedMs: clock.monotonicMs(),
        sentMs: 0,
        acknowledged: false,
        traderDone: false,
        settled: false,
        traderSaidNo: false,
        told: false,
        emergency: 'no',
        toldAlone: false,
        silentMs: null,
      };
      task.sentMs = clock.monotonicMs();
      task.acknowledged = false;
      task.traderDone = false;
      task.traderSaidNo = false;
      if (!session.send({ type: 'cancel', ...order })) void runEmergency(task);
    },
    acknowledged(epoch) {
      if (task?.order.epoch === epoch) task.acknowledged = true;
    },
    outcome,
    tick(nowMs) {
      if (task === null) return;
      if (!task.told && nowMs - task.startedMs > WORD_MS) {
        const detail = `nobody knows yet what is open: no answer for ${WORD_MS / 1000} s, and it is asked again and again`;
        tell(task, { confirmed: false, openOrders: null, detail });
      }
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
      // A trader that hangs on the exchange has acknowledged and beats; its requests and ours do each other no harm.
      if (deps.canceller !== null && isBesideDue(task)) void runEmergency(task);
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
