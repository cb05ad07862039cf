import type { Writable } from 'node:stream';
import { writeDurably } from '../../adapters/files/durable-file.js';
import type { CommandIo } from '../../console/io.js';
import { startProgress } from '../../console/progress.js';
import { table } from '../../console/table.js';
import { fault, messageOf } from '../../core/errors.js';
import type { ValidationRules } from '../../pipeline/ingestion/index.js';
import { type Judgement, judgementOf, type LoadedCandles } from '../../research/candles/load-candles.js';

/** Rows from which on a command shows how far it has come. */
const LONG_ROWS = 100_000;

export const ALLOW_QUARANTINED = {
  help: 'go on where more than a tenth of the rows are in quarantine',
} as const;

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
export async function writeOutput(
  io: CommandIo,
  target: string,
  chunks: Iterable<string> | AsyncIterable<string>,
): Promise<void> {
  if (target !== '-') return writeDurably(target, stopped(chunks, io.signal));
  for await (const chunk of stopped(chunks, io.signal)) await writeChunk(io.stdout, chunk);
}

async function* stopped(
  chunks: Iterable<string> | AsyncIterable<string>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const chunk of chunks) {
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

/** Rows, kept rows and quarantined ones by reason, as a table of plain text, and what else is to be known of the file. */
export function summaryTable(loaded: LoadedCandles, more: readonly (readonly [string, string])[]): string {
  return candlesTable(judgementOf(loaded), more);
}

function candlesTable(of: Judgement, more: readonly (readonly [string, string])[] = []): string {
  const count = (n: number) => String(n);
  const rows = [
    ['rows', count(of.rows), ''],
    ['kept', count(of.kept), ''],
    ['quarantined', count(of.quarantined), ''],
    ...of.reasons.map(({ reason, count: n, firstLine }) => [
      `  ${reason}`,
      count(n),
      `first in line ${firstLine}`,
    ]),
    ...more.map(([name, value]) => [name, value, '']),
  ];
  const about = of.format === 'CSV' ? of.notes : [`read as a file of ${of.format}`, ...of.notes];
  return `${table(rows, [1])}${about.map((note) => `${note}\n`).join('')}`;
}

/** The same of several files, each under its name. */
export function candlesText(files: readonly Judgement[]): string {
  return files.map((one) => `\n${one.file}\n${candlesTable(one)}`).join('');
}

/** The same for `--json`. */
export function summaryJson(loaded: LoadedCandles): Readonly<Record<string, unknown>> {
  return candlesJson(judgementOf(loaded));
}

export function candlesJson(of: Judgement): Readonly<Record<string, unknown>> {
  return {
    file: of.file,
    format: of.format,
    sha256: of.sha256,
    rows: of.rows,
    kept: of.kept,
    rejected: of.quarantined,
    reasons: Object.fromEntries(of.reasons.map(({ reason, count }) => [reason, count])),
    firstLines: Object.fromEntries(of.reasons.map(({ reason, firstLine }) => [reason, firstLine])),
    notes: of.notes,
  };
}
