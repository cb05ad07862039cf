import type { CommandIo } from './io.js';

type Output = CommandIo['stdout'];

/** Shows how far long work has come: a bar redrawn in place on a terminal, a plain line each tenth elsewhere. */
export interface Progress {
  update(done: number, note?: string): void;
  /** Writes a line of its own above the bar. */
  say(line: string): void;
  finish(note?: string): void;
}

/**
 * Starts a progress display. `nowMs` is monotonic milliseconds, so that rate and time left can be told; `unit` names
 * what is counted ("bars").
 */
export function startProgress(
  output: Output,
  label: string,
  total: number,
  unit: string,
  nowMs: () => number,
): Progress {
  const startedMs = nowMs();
  const live = output.isTTY === true;
  let drawnMs = Number.NEGATIVE_INFINITY;
  let tenth = -1;
  const draw = (done: number, note: string) => {
    const share = total > 0 ? Math.min(1, done / total) : 1;
    const seconds = (nowMs() - startedMs) / 1000;
    const rate = seconds > 0 ? done / seconds : 0;
    const left = rate > 0 ? Math.max(0, (total - done) / rate) : 0;
    const figures = `${String(Math.floor(share * 100)).padStart(3)} %  ${Math.round(rate)} ${unit}/s  ${Math.ceil(left)} s left${note ? `  ${note}` : ''}`;
    if (!live) {
      output.write(`${label} ${figures}\n`);
      return;
    }
    const width = 24;
    const full = Math.round(share * width);
    const text = `${label} [${'#'.repeat(full)}${'.'.repeat(width - full)}] ${figures}`;
    output.write(`\r\u001b[2K${text.slice(0, (output.columns ?? 80) - 1)}`);
  };
  return {
    update(done, note = '') {
      if (live) {
        if (nowMs() - drawnMs < 100) return;
        drawnMs = nowMs();
        draw(done, note);
        return;
      }
      const reached = total > 0 ? Math.floor((done / total) * 10) : 10;
      if (reached <= tenth) return;
      tenth = reached;
      draw(done, note);
    },
    say(line) {
      output.write(live ? `\r\u001b[2K${line}\n` : `${line}\n`);
      drawnMs = Number.NEGATIVE_INFINITY;
    },
    finish(note = '') {
      if (live) {
        draw(total, note);
        output.write('\n');
      } else if (tenth < 10) draw(total, note);
    },
  };
}

/** A display that starts with the first report of how much of the total is done, which may be nothing. */
export function progressOf(
  output: Output,
  label: string,
  unit: string,
): { report(done: number, total: number): void; finish(): void } {
  let progress: Progress | undefined;
  return {
    report(done, total) {
      progress ??= startProgress(output, label, total, unit, () => performance.now());
      if (done > 0) progress.update(done);
    },
    finish: () => progress?.finish(),
  };
}
