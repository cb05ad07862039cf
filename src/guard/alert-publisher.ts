import { Worker } from 'node:worker_threads';
import { messageOf } from '../core/errors.js';
import type { Scheduler } from '../ports/time.js';
import type { FromSpeaker, SpeakerSettings, ToSpeaker } from './alert-messages.js';
// The thread is loaded by its address; the compiler, which follows imports, must take it along all the same.
import type {} from './alert-thread.js';
import type { GuardNotice } from './guard.js';

export interface AlertSpeakerOptions extends SpeakerSettings {
  readonly scheduler: Pick<Scheduler, 'after'>;
  /** The phone wants a halt; resolves once the box is halted. `again`: its message was delivered before. */
  onHalt(again: boolean): Promise<void>;
  onLog(level: 'info' | 'warn' | 'error', fields: object, message: string): void;
}

/** The guard's voice. None of its calls waits for anything. */
export interface AlertSpeaker {
  start(): void;
  /** Gives waiting alerts 2 s; resolves within 3 s. */
  stop(): Promise<void>;
  say(notice: GuardNotice): void;
}

const RESTART_MS = 5_000;
const STOP_MS_MAX = 2_300;
/** Notices kept for a thread that is not there; older ones give way, and the guard has printed them all. */
const WAITING_MAX = 500;
/** Enough for a client and its spool; a leak ends the thread and not the guard. */
const HEAP_MB_MAX = 64;

/**
 * Speaks from a thread of its own, so that neither loading a client, nor a handshake, nor a fault in a library can hold
 * up or end the guard. A thread that dies is started again and told what it had not yet stored.
 */
export function createAlertSpeaker(options: AlertSpeakerOptions): AlertSpeaker {
  const { config, env, version, scheduler, onLog } = options;
  const settings: SpeakerSettings = {
    config: { device: config.device, mqtt: config.mqtt, alerts: config.alerts, ntfy: config.ntfy },
    env: { ...env },
    version,
  };
  const waiting = new Map<number, GuardNotice>();
  let number = 0;
  let thread: Worker | null = null;
  let stopping = false;
  let cancelRestart = () => {};

  function launch(): void {
    const started = new Worker(new URL('./alert-thread.js', import.meta.url), {
      workerData: settings,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    thread = started;
    let why = 'it ended by itself';
    started.on('message', receive);
    started.on('error', (error) => {
      why = messageOf(error);
    });
    started.on('exit', () => {
      thread = null;
      if (stopping) return;
      onLog(
        'error',
        { errorCode: 'E_ALERT_THREAD', detail: why },
        'the alert thread ended; it is started again',
      );
      cancelRestart = scheduler.after(RESTART_MS, launch);
    });
    for (const [at, notice] of waiting) post({ type: 'notice', number: at, notice });
  }

  function post(message: ToSpeaker): void {
    thread?.postMessage(message);
  }

  function receive(message: FromSpeaker): void {
    if (message.type === 'taken') waiting.delete(message.number);
    else if (message.type === 'halt') {
      options.onHalt(message.again).then(
        () => post({ type: 'halt_taken' }),
        (error: unknown) => post({ type: 'halt_failed', detail: messageOf(error) }),
      );
    } else onLog(message.level, message.fields, message.message);
  }

  return {
    start() {
      stopping = false;
      launch();
    },
    async stop() {
      stopping = true;
      cancelRestart();
      const ending = thread;
      if (ending === null) return;
      await new Promise<void>((resolve) => {
        const giveUp = scheduler.after(STOP_MS_MAX, () => void ending.terminate());
        ending.once('exit', () => {
          giveUp();
          resolve();
        });
        ending.postMessage({ type: 'stop' } satisfies ToSpeaker);
      });
    },
    say(notice) {
      number += 1;
      waiting.set(number, notice);
      if (waiting.size > WAITING_MAX) waiting.delete(waiting.keys().next().value!);
      post({ type: 'notice', number, notice });
    },
  };
}
