import { callControl } from '../../adapters/control-socket/control-client.js';
import { pathsOf } from '../../config/paths.js';
import { configSchema } from '../../config/schema.js';
import { messageOf, RedbuttonError } from '../../core/errors.js';
import { MANAGER_PREFIX } from '../../guard/trader-watch.js';

/** A guard that is well answers at once; one that is not keeps nobody from ending. */
const ANSWER_MS_MAX = 1_000;

/** Tells the guard why this trader ends, so that the phone hears of one that cannot start. Never fails. */
export async function reportTraderEnd(guardSocket: string, error: unknown): Promise<void> {
  const remedy = error instanceof RedbuttonError ? ` (${error.remedy})` : '';
  await tell(guardSocket, `${messageOf(error)}${remedy}`);
}

/** The same by the service manager's word, for an end that left no words of its own: a signal, the memory limit, a watchdog. */
export async function reportServiceEnd(
  guardSocket: string,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { SERVICE_RESULT: result = 'unknown', EXIT_CODE: code = '', EXIT_STATUS: status = '' } = env;
  const how =
    result === 'success' ? 'it was stopped, by hand or for an update' : `${result}, ${code} ${status}`.trim();
  await tell(guardSocket, `${MANAGER_PREFIX}${how}`);
}

/** Where the guard of an installed box answers, also where its configuration cannot be read. */
export function defaultGuardSocket(): string {
  return pathsOf(configSchema.shape.device.parse({})).guardSocket;
}

async function tell(guardSocket: string, why: string): Promise<void> {
  await callControl(guardSocket, 'the guard', 'POST', '/trader-ended', { why }, ANSWER_MS_MAX).catch(
    () => undefined,
  );
}
