import type { Config } from '../config/schema.js';
import type { GuardNotice } from './guard.js';

/** What the thread that speaks for the guard is started with. */
export interface AlertThreadSettings {
  readonly config: Pick<Config, 'device' | 'mqtt' | 'alerts' | 'ntfy'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

export type ToAlertThread =
  | { readonly type: 'notice'; readonly number: number; readonly notice: GuardNotice }
  /** The box is halted, and as lasting as it can be: what asked for it may be acknowledged, and the next one may come. */
  | { readonly type: 'halt_taken' }
  /** It is not: the broker is to keep what asked for it. */
  | { readonly type: 'halt_failed'; readonly detail: string }
  | { readonly type: 'stop' };

export type FromAlertThread =
  /** The notice is stored and cannot be lost any more. */
  | { readonly type: 'taken'; readonly number: number }
  /** The phone wants a halt. `again`: its message was delivered before. */
  | { readonly type: 'halt'; readonly again: boolean }
  | {
      readonly type: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    };

/** Whether the configuration names any way out of the box. */
export function publishesAlerts({ mqtt, alerts }: AlertThreadSettings['config']): boolean {
  return (alerts.sinks.includes('mqtt') && mqtt.url !== undefined) || alerts.sinks.includes('ntfy');
}
