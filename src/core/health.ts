import type { ErrorCode } from './error-catalogue.js';

export type Health = 'HEALTHY' | 'WARNING' | 'CRITICAL' | 'UNKNOWN';

/** What a layer says of itself. `lastSuccessMs` is wall time; null before the first success. */
export interface LayerHealth {
  readonly layer: string;
  readonly state: 'ok' | 'fault' | 'idle';
  readonly lastSuccessMs: number | null;
  readonly errorCode: ErrorCode | null;
  readonly detail: string | null;
}
