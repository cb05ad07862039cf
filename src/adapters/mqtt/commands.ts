/** What to do with a message that came in on a command topic. */
export type Command =
  | { readonly kind: 'halt' }
  /** `reason` completes "a command was ignored: …" and never repeats what was sent. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** Not a command topic: nothing to say about it. */
  | { readonly kind: 'none' };

export const COMMAND_BYTES_MAX = 1024;

/**
 * The whole of what a phone may command: the word `halt` on `cmd/halt`. There is no other command, so there is nothing
 * else to parse. A retained command is a command of the past that the broker repeats at each start, so it is ignored.
 */
export function readCommand(
  haltTopic: string,
  topic: string,
  payload: Uint8Array,
  retained: boolean,
): Command {
  if (topic !== haltTopic) return { kind: 'none' };
  if (retained) return { kind: 'ignored', reason: 'it was retained' };
  if (payload.byteLength > COMMAND_BYTES_MAX) {
    return {
      kind: 'ignored',
      reason: `it has ${payload.byteLength} bytes, more than ${COMMAND_BYTES_MAX}`,
    };
  }
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1');
  return /^\s*halt\s*$/i.test(text)
    ? { kind: 'halt' }
    : { kind: 'ignored', reason: 'it is not the word halt' };
}
