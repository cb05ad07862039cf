import type { Writable } from 'node:stream';
import { writeDurably } from '../../adapters/files/durable-file.js';
import type { CommandIo } from '../../console/io.js';
import { startProgress } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { fault, messageOf } from '../../core/errors.js';
import type { ValidationRules } from '../../pipeline/ingestion/index.js';
import { countReasons, type LoadedCandles } from '../../research/candles/load-candles.js';

/** Rows from which on a command shows how far it has come. */
const LONG_ROWS = 100_000;

export const RULES: readonly ValidationRules[] = ['strict', 'article'];

/** Calls back as rows are done, drawn on stderr when there are many; undefined for few. */
export function rowProgress(
  io: CommandIo,
  label: string,
  rows: number,
): { readonly onRows: (done: number) => void; readonly finish: () => void } {
  if (rows < LONG_ROWS) return { onRows: () => undefined, finish: () => undefined };
  const progress = startProgress(io.stderr, label, rows, 'rows', () => performance.now());
  return { onRows: (done) => progress.update(done), finish: () => progress.finish() };
}

/** Writes a command's output: `-` is stdout, anything else a file, replaced only once whole. */
export async function writeOutput(io: CommandIo, target: string, chunks: Iterable<string>): Promise<void> {
  if (target !== '-') return writeDurably(target, stopped(chunks, io.signal));
  for (const chunk of stopped(chunks, io.signal)) await writeChunk(io.stdout, chunk);
}

function* stopped(chunks: Iterable<string>, signal: AbortSignal): Iterable<string> {
  for (const chunk of chunks) {
    if (signal.aborted) {
      throw fault('E_STOPPED', 'stopped before the output was whole', 'run the command again');
    }
    yield chunk;
  }
}

function writeChunk(output: Writable, chunk: string): Promise<void> {
  return new Promise((resolve, reject) => {
    output.write(chunk, (error) => (error ? reject(new Error(messageOf(error))) : resolve()));
  });
}

/** Rows, kept rows and quarantined ones by reason, as a table of plain text. */
export function summaryTable(loaded: LoadedCandles, more: readonly (readonly [string, string])[]): string {
  const count = (n: number) => String(n);
  return table(
    [
      ['rows', count(loaded.file.columns.length)],
      ['kept', count(loaded.candles.length)],
      ['quarantined', count(loaded.quarantined.length)],
      ...countReasons(loaded.quarantined).map(([reason, n]) => [`  ${reason}`, count(n)]),
      ...more,
    ],
    [1],
  );
}

/** The same for `--json`. */
export function summaryJson(loaded: LoadedCandles): Readonly<Record<string, unknown>> {
  return {
    file: loaded.file.path,
    sha256: loaded.file.sha256,
    rows: loaded.file.columns.length,
    kept: loaded.candles.length,
    rejected: loaded.quarantined.length,
    reasons: Object.fromEntries(countReasons(loaded.quarantined)),
  };
}
