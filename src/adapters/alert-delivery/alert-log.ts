/** The part of a pino logger that is used by whoever delivers alerts. */
export interface AlertLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** How long the same reason of failure is kept quiet after it was logged: retries must not flood an SD card. */
const REPEAT_MS = 600_000;

/** Says whether a reason may be told now: when it first shows itself, and then each 10 minutes. */
export function createRepeatGuard(clock: { monotonicMs(): number }): (reason: string) => boolean {
  const reportedAtMs = new Map<string, number>();
  return (reason) => {
    const nowMs = clock.monotonicMs();
    const last = reportedAtMs.get(reason);
    if (last !== undefined && nowMs - last < REPEAT_MS) return false;
    reportedAtMs.set(reason, nowMs);
    return true;
  };
}

/** Cuts secrets that a library or a server put into its own words. */
export function redact(text: string, secrets: readonly (string | undefined)[]): string {
  return secrets.reduce<string>(
    (cut, secret) => (secret === undefined || secret === '' ? cut : cut.replaceAll(secret, '[secret]')),
    text,
  );
}
