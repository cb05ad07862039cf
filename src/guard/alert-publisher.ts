import { Worker } from 'node:worker_threads';
import { messageOf } from '../core/errors.js';
import type { Scheduler } from '../ports/time.js';
import type { AlertThreadSettings, FromAlertThread, ToAlertThread } from './alert-messages.js';
// The thread is loaded by its address; the compiler, which follows imports, must take it along all the same.
import type {} from './alert-thread.js';
import type { GuardNotice } from './guard.js';

export interface AlertPublisherOptions extends AlertThreadSettings {
  readonly scheduler: Pick<Scheduler, 'after'>;
  /** The phone wants a halt; resolves once the box is halted. `again`: its message was delivered before. */
  onHalt(again: boolean): Promise<void>;
  onLog(level: 'info' | 'warn' | 'error', fields: object, message: string): void;
}

const RESTART_MS = 5_000;
const STOP_MS_MAX = 2_300;
/** Notices kept for a thread that is not there; older ones give way, and the guard has printed them all. */
const WAITING_MAX = 500;
/** Enough for a client and its outbox; a leak ends the thread and not the guard. */
const HEAP_MB_MAX = 64;

/**
 * Publishes the guard's alerts from a thread of its own, so that neither loading a client, nor a handshake, nor a fault in
 * a library can hold up or end the guard. A thread that dies is started again and told what it had not yet stored. None of
 * the calls waits for anything.
 */
export class AlertPublisher {
  readonly #options: AlertPublisherOptions;
  readonly #settings: AlertThreadSettings;
  readonly #waiting = new Map<number, GuardNotice>();
  #number = 0;
  #thread: Worker | null = null;
  #stopping = false;
  #cancelRestart = () => {};

  constructor(options: AlertPublisherOptions) {
    const { config, env, version } = options;
    this.#options = options;
    this.#settings = {
      config: { device: config.device, mqtt: config.mqtt, alerts: config.alerts, ntfy: config.ntfy },
      env: { ...env },
      version,
    };
  }

  start(): void {
    this.#stopping = false;
    this.#launch();
  }

  /** Gives waiting alerts 2 s; resolves within 3 s. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#cancelRestart();
    const ending = this.#thread;
    if (ending === null) return;
    await new Promise<void>((resolve) => {
      const giveUp = this.#options.scheduler.after(STOP_MS_MAX, () => void ending.terminate());
      ending.once('exit', () => {
        giveUp();
        resolve();
      });
      ending.postMessage({ type: 'stop' } satisfies ToAlertThread);
    });
  }

  publish(notice: GuardNotice): void {
    this.#number += 1;
    this.#waiting.set(this.#number, notice);
    if (this.#waiting.size > WAITING_MAX) this.#waiting.delete(this.#waiting.keys().next().value!);
    this.#post({ type: 'notice', number: this.#number, notice });
  }

  #launch(): void {
    const started = new Worker(new URL('./alert-thread.js', import.meta.url), {
      workerData: this.#settings,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB_MAX },
    });
    this.#thread = started;
    let why = 'it ended by itself';
    started.on('message', (message: FromAlertThread) => this.#receive(message));
    started.on('error', (error) => {
      why = messageOf(error);
    });
    started.on('exit', () => this.#onExit(why));
    for (const [number, notice] of this.#waiting) this.#post({ type: 'notice', number, notice });
  }

  #onExit(why: string): void {
    this.#thread = null;
    if (this.#stopping) return;
    this.#options.onLog(
      'error',
      { errorCode: 'E_ALERT_THREAD', detail: why },
      'the alert thread ended; it is started again',
    );
    this.#cancelRestart = this.#options.scheduler.after(RESTART_MS, () => this.#launch());
  }

  #receive(message: FromAlertThread): void {
    if (message.type === 'taken') this.#waiting.delete(message.number);
    else if (message.type === 'halt') {
      this.#options.onHalt(message.again).then(
        () => this.#post({ type: 'halt_taken' }),
        (error: unknown) => this.#post({ type: 'halt_failed', detail: messageOf(error) }),
      );
    } else this.#options.onLog(message.level, message.fields, message.message);
  }

  #post(message: ToAlertThread): void {
    this.#thread?.postMessage(message);
  }
}
