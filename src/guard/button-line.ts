import { messageOf } from '../core/errors.js';
import type { Gpio, InputLine } from '../ports/gpio.js';
import type { Clock } from '../ports/time.js';
import type { Button, ButtonEvent } from './button.js';

/** The button's line kept open: looked at, listened to, and opened anew after a fault. */
export interface ButtonLine {
  open(): Promise<void>;
  /** One look. */
  look(): void;
  /** A thread looks at the line too and wakes us at a change, and nothing is under way: we may look less often. */
  settled(): boolean;
  close(): void;
}

export interface ButtonLineEvents {
  button(event: ButtonEvent): void;
  lost(detail: string): void;
  restored(): void;
}

const REOPEN_MS = 1_000;

/**
 * Any failure of line or edge source is told once as lost; then the line is opened anew each second. Where the bank has a
 * thread for it, the line is also looked at every `pollMs` from there. A press between the last guard and this one counts.
 */
export function createButtonLine(
  gpio: Gpio,
  number: number,
  pollMs: number,
  button: Button,
  clock: Pick<Clock, 'monotonicMs'>,
  events: ButtonLineEvents,
): ButtonLine {
  let line: InputLine | null = null;
  let opening = false;
  let lostAtMs: number | null = null;
  let closed = false;

  const lose = (detail: string) => {
    const first = lostAtMs === null;
    lostAtMs = clock.monotonicMs();
    const gone = line;
    line = null;
    button.reset();
    try {
      gone?.close();
    } catch {
      // It is lost already; what matters is told below.
    }
    if (first) events.lost(`line ${number} of the button: ${detail}`);
  };
  const open = async () => {
    if (opening || closed) return;
    opening = true;
    try {
      const opened = await gpio.input(number, true);
      if (closed) {
        leave(opened);
        return;
      }
      line = opened;
      button.reset();
      if (opened.moved?.()) for (const event of button.moved(clock.monotonicMs())) events.button(event);
      opened.read();
      opened.onEdge((error, level) => {
        if (line !== opened) return;
        if (error !== null) lose(`its edge source is lost: ${error.message}`);
        else for (const event of button.edge(level, clock.monotonicMs())) events.button(event);
      });
      opened.lookEvery?.(pollMs, (error, level) => {
        if (line !== opened) return;
        if (error !== null) lose(messageOf(error));
        else sample(level);
      });
      const wasLost = lostAtMs !== null;
      lostAtMs = null;
      if (wasLost) events.restored();
    } catch (error) {
      lose(messageOf(error));
    } finally {
      opening = false;
    }
  };

  const sample = (level: 0 | 1) => {
    for (const event of button.sample(level, clock.monotonicMs())) events.button(event);
  };

  return {
    open,
    look() {
      const nowMs = clock.monotonicMs();
      if (line === null) {
        if (lostAtMs !== null && nowMs - lostAtMs >= REOPEN_MS) void open();
        return;
      }
      let level: 0 | 1;
      try {
        level = line.read();
      } catch (error) {
        lose(messageOf(error));
        return;
      }
      sample(level);
    },
    // A lost line is opened anew once a second, which needs no finer looks either.
    settled: () => (line === null ? lostAtMs !== null : line.lookEvery !== undefined && button.settled()),
    close() {
      closed = true;
      const opened = line;
      line = null;
      if (opened !== null) leave(opened);
    },
  };
}

/** The guard ends: a press from now on is for the one that follows. */
function leave(line: InputLine): void {
  if (line.leave === undefined) line.close();
  else line.leave();
}
