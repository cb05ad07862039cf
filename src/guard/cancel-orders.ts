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

export interface CancelOrdersOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly scheduler: Pick<Scheduler, 'after'>;
  readonly session: Pick<TraderSession, 'send' | 'status'>;
  /** null: the guard has no connection of its own, and says so. */
  readonly canceller: EmergencyCanceller | null;
  /** Ends a trader that does not end by itself; returns what was done in one sentence. */
  killTrader(pid: number): string;
  onOutcome(epoch: number, outcome: CancelOutcome): void;
  onKilled(detail: string): void;
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
/** Without a confirmation for this long the guard cancels alongside the trader, which may hang on the exchange itself. */
const ALONGSIDE_MS = 4_000;
/** By then the owner is told, though nobody has an answer. */
const NO_ANSWER_MS = 5_000;
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
  reported: boolean;
  emergency: 'no' | 'running' | 'waiting';
  reportedNoConnection: boolean;
  /** Since when the trader has not been heard of; null while it is. */
  silentMs: number | null;
}

/** Sees to it that what is open is cancelled: by the trader, else by the guard itself, until it is confirmed. */
export class CancelOrders {
  readonly #options: CancelOrdersOptions;
  #task: Task | null = null;

  constructor(options: CancelOrdersOptions) {
    this.#options = options;
  }

  order(order: CancelOrder): void {
    const { clock, session } = this.#options;
    const before = this.#task?.order;
    if (before !== undefined && (before.epoch !== order.epoch || before.flatten !== order.flatten))
      this.end();
    this.#task ??= newTask(order, session.status().pid, clock.monotonicMs());
    const task = this.#task;
    task.sentMs = clock.monotonicMs();
    task.acknowledged = false;
    task.traderDone = false;
    task.traderSaidNo = false;
    if (!session.send({ type: 'cancel', ...order })) void this.#cancelOurselves(task);
  }

  acknowledged(epoch: number): void {
    if (this.#task?.order.epoch === epoch) this.#task.acknowledged = true;
  }

  /** The trader's outcome. */
  outcome(epoch: number, result: CancelOutcome): void {
    const task = this.#task;
    if (task?.order.epoch !== epoch) return;
    task.acknowledged = true;
    task.sentMs = this.#options.clock.monotonicMs();
    task.traderSaidNo = !result.confirmed;
    if (result.confirmed) task.settled = task.traderDone = true;
    else if ((result.openOrders ?? 0) > 0) task.settled = false;
    this.#report(task, result);
  }

  tick(nowMs: number): void {
    const task = this.#task;
    if (task === null) return;
    if (!task.reported && nowMs - task.startedMs > NO_ANSWER_MS) {
      const detail = `not known yet what is open: no answer for ${NO_ANSWER_MS / 1000} s, and it is asked again and again`;
      this.#report(task, { confirmed: false, openOrders: null, detail });
    }
    const { present, pid } = this.#options.session.status();
    if (present) this.#watchTrader(task, nowMs, pid);
    else this.#replaceTrader(task, nowMs, pid);
  }

  /** The box is armed again: nothing is to be cancelled any more. */
  end(): void {
    this.#task?.abort.abort();
    this.#task = null;
  }

  /**
   * A trader that fell silent at the press is given some time, then ended: it must not wake with old orders, nor hang
   * on to its database. One that took the order and is at work on it is given more: on a slow board what it does for
   * the first time holds it up, and nothing waits for it, since the orders are cancelled from here meanwhile.
   */
  #replaceTrader(task: Task, nowMs: number, pid: number | null): void {
    const arrived = pid !== task.firstPid;
    task.silentMs ??= nowMs;
    const due = task.acknowledged
      ? nowMs - task.silentMs > (arrived ? ARRIVED_MS_MAX : SILENT_MS_MAX)
      : nowMs - task.sentMs > (arrived ? ARRIVED_MS_MAX : ACK_MS_MAX);
    if (pid !== null && !task.traderDone && due) {
      task.traderDone = true;
      this.#kill('the trader is silent');
    }
    void this.#cancelOurselves(task);
  }

  #watchTrader(task: Task, nowMs: number, pid: number | null): void {
    task.silentMs = null;
    if (task.settled) return;
    const { canceller } = this.#options;
    // A trader that hangs on the exchange has acknowledged and beats; its requests and ours do each other no harm.
    if (canceller !== null && this.#isAlongsideDue(task)) void this.#cancelOurselves(task);
    const arrived = pid !== task.firstPid;
    const ackMsMax = arrived ? ARRIVED_MS_MAX : ACK_MS_MAX;
    const waitedMs = nowMs - task.sentMs;
    if (waitedMs <= (task.acknowledged ? OUTCOME_MS_MAX : ackMsMax)) {
      if (!task.acknowledged && waitedMs > ACK_MS_MAX) void this.#cancelOurselves(task);
      return;
    }
    task.sentMs = nowMs;
    this.#kill(`no answer to the cancel order in ${Math.round(waitedMs)} ms`);
    void this.#cancelOurselves(task);
  }

  async #cancelOurselves(task: Task): Promise<void> {
    if (task.settled || task.emergency !== 'no') return;
    const { canceller } = this.#options;
    if (canceller === null) {
      this.#reportNoConnection(task);
      return;
    }
    task.emergency = 'running';
    const result = await canceller
      .cancelAll(task.order, task.abort.signal)
      .catch((error: unknown): CancelOutcome => {
        return { confirmed: false, openOrders: null, detail: `cancelling failed: ${messageOf(error)}` };
      });
    if (this.#task !== task) return;
    const verdict = this.#judged(task, result);
    if (task.settled || verdict.confirmed) {
      task.emergency = 'no';
      // What the trader confirmed meanwhile is newer than what this pass saw; the looks that follow tell.
      if (!task.settled) this.#report(task, verdict);
      task.settled = true;
      this.#lookAgain(task, 0);
      return;
    }
    this.#report(task, verdict);
    this.#retry(task);
  }

  #retry(task: Task): void {
    const { scheduler, session } = this.#options;
    task.emergency = 'waiting';
    scheduler.after(RETRY_MS, () => {
      task.emergency = 'no';
      if (this.#task !== task) return;
      if (!session.status().present || this.#isAlongsideDue(task)) void this.#cancelOurselves(task);
    });
  }

  #lookAgain(task: Task, nth: number): void {
    const { canceller, scheduler } = this.#options;
    const afterMs = LOOK_AGAIN_MS[nth];
    if (afterMs === undefined || canceller?.lookAgain === undefined) return;
    scheduler.after(afterMs, async () => {
      if (this.#task !== task || !task.settled) return;
      // One that is not answered changes nothing: it was confirmed, and the next look comes.
      const seen = await canceller.lookAgain?.(task.order, task.abort.signal).catch(() => undefined);
      if (this.#task !== task) return;
      if (seen?.openOrders) this.#cancelAgain(task, seen);
      else this.#lookAgain(task, nth + 1);
    });
  }

  #cancelAgain(task: Task, seen: CancelOutcome): void {
    const { clock, session } = this.#options;
    task.settled = false;
    task.sentMs = clock.monotonicMs();
    session.send({ type: 'cancel', ...task.order });
    this.#report(task, seen);
    void this.#cancelOurselves(task);
  }

  /** A trader that is there knows what no list shows, and closes positions: where it says no, its own yes is needed. */
  #judged(task: Task, result: CancelOutcome): CancelOutcome {
    const { session } = this.#options;
    const traderDecides = session.status().present && (task.order.flatten || task.traderSaidNo);
    if (!result.confirmed || !traderDecides) return result;
    const detail = `the guard itself sees no open order, but the trader has not confirmed it: ${result.detail}`;
    return { confirmed: false, openOrders: null, detail };
  }

  #reportNoConnection(task: Task): void {
    if (task.reportedNoConnection) return;
    task.reportedNoConnection = true;
    const detail = 'the trader does not answer and the guard has no exchange connection of its own';
    this.#report(task, { confirmed: false, openOrders: null, detail });
  }

  #report(task: Task, result: CancelOutcome): void {
    task.reported = true;
    this.#options.onOutcome(task.order.epoch, result);
  }

  #isAlongsideDue(task: Task): boolean {
    return this.#options.clock.monotonicMs() - task.startedMs > ALONGSIDE_MS;
  }

  #kill(why: string): void {
    const { pid } = this.#options.session.status();
    if (pid !== null) this.#options.onKilled(`${why}: ${this.#options.killTrader(pid)}`);
  }
}

function newTask(order: CancelOrder, firstPid: number | null, startedMs: number): Task {
  return {
    order,
    abort: new AbortController(),
    firstPid,
    startedMs,
    sentMs: 0,
    acknowledged: false,
    traderDone: false,
    settled: false,
    traderSaidNo: false,
    reported: false,
    emergency: 'no',
    reportedNoConnection: false,
    silentMs: null,
  };
}
