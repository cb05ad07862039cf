/** A message as it came in; `stored`: the broker kept it from before, and delivers it because we subscribed. */
export interface Incoming {
  readonly topic: string;
  readonly stored: boolean;
  readonly bytes: number;
  /** The broker has sent it before, and got no acknowledgement. */
  readonly again: boolean;
  /** Its first bytes at least; null where it was too large to be kept. */
  readonly payload: Uint8Array | null;
}

/** What a message on a topic of ours means. */
export type Command = 'halt' | 'stored' | 'none';

/**
 * The topic has one meaning, so whatever arrives on it live halts: a false halt costs little, a missed one much. Below it,
 * too: apps that add a slash or a name of their own are meant by it all the same. A stored message is one of the past,
 * which the broker repeats at each start; an empty one is never stored.
 */
export function readCommand(haltTopic: string, { topic, stored, bytes }: Incoming): Command {
  if (topic !== haltTopic && !topic.startsWith(`${haltTopic}/`)) return 'none';
  return stored && bytes > 0 ? 'stored' : 'halt';
}

/** What is subscribed to besides the halt topic itself: all that is below it, `cmd/halt/` included. */
export function belowHaltTopic(haltTopic: string): string {
  return `${haltTopic}/+/#`;
}

const EXCERPT_CHARACTERS_MAX = 32;

/** The first bytes of what others sent, for the log: printable ASCII alone, all else as `\xNN`. */
export function excerpt(bytes: Uint8Array | string | null): string {
  if (bytes === null) return '';
  const buffer =
    typeof bytes === 'string'
      ? Buffer.from(bytes)
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shown = buffer.toString('latin1', 0, EXCERPT_CHARACTERS_MAX);
  const escaped = shown.replace(
    /[^\x20-\x5b\x5d-\x7e]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return buffer.length > EXCERPT_CHARACTERS_MAX ? `${escaped}…` : escaped;
}
