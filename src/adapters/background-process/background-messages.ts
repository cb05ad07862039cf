import type { ErrorCode } from '../../core/error-catalogue.js';

/** What a background process is told. */
export interface ToChild {
  readonly type: 'work';
  readonly request: unknown;
}

/** What it tells. */
export type ToParent =
  | { readonly type: 'progress'; readonly done: number; readonly total: number }
  | { readonly type: 'not-nice'; readonly detail: string }
  | { readonly type: 'answer'; readonly answer: unknown }
  | { readonly type: 'fault'; readonly code: ErrorCode; readonly message: string; readonly remedy: string };
