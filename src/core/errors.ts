import type { ErrorCode, FaultCode, InputCode } from './error-catalogue.js';
import { redact } from './redact.js';

/** Exit codes of the command line: fine, failed, wrong usage or bad input. */
export const EXIT = { fine: 0, failed: 1, badInput: 2 } as const;

/**
 * A fault with a stable code, one clear sentence that names the place, and what the reader can do about it.
 * Denials (of risk and gate) are values, not errors; this is for what cannot go on.
 */
export class RedbuttonError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string;
  readonly exitCode: number;

  constructor(code: ErrorCode, message: string, remedy: string, exitCode: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RedbuttonError';
    this.code = code;
    this.remedy = remedy;
    this.exitCode = exitCode;
  }
}

/** Wrong usage or bad input: exit code 2. `message` names the place (file, line, key), `remedy` what to do. */
export function badInput(code: InputCode, message: string, remedy: string, cause?: unknown): RedbuttonError {
  return new RedbuttonError(code, message, remedy, EXIT.badInput, cause);
}

/** A fault of the world around us (disk, broker, exchange): exit code 1. */
export function fault(code: FaultCode, message: string, remedy: string, cause?: unknown): RedbuttonError {
  return new RedbuttonError(code, message, remedy, EXIT.failed, cause);
}

/** A broken invariant: our own mistake. The process must crash and recover through the ordinary start-up path. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`broken invariant: ${message}`);
}

/** The text of anything thrown, without secrets: it continues into logs, alerts, the store and to people. */
export function messageOf(thrown: unknown): string {
  return redact(thrown instanceof Error ? thrown.message : String(thrown));
}
