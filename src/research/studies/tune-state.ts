import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { badInput } from '../../core/errors.js';
import type { TunedFold } from '../backtest/tune.js';

/** Folds that are done, kept in a file of JSON lines, so that a run that was stopped continues. */
export interface TuneState {
  readonly done: ReadonlyMap<number, TunedFold>;
  add(index: number, fold: TunedFold): void;
}

/** Of all that the answer depends on: a run with another key is another run. */
export function tuneKey(...parts: readonly unknown[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** Opens or begins the file. Throws `E_TUNE_STATE` where it is of another run. A last line cut short is done again. */
export function openTuneState(file: string, key: string): TuneState {
  const done = new Map<number, TunedFold>();
  if (existsSync(file)) {
    const text = readFileSync(file, 'utf8');
    const lines = text.split('\n');
    // What follows the last line break was cut off while it was written.
    lines.pop();
    const found = lines.length === 0 ? undefined : (JSON.parse(lines[0]!) as { readonly key?: string }).key;
    if (found !== undefined && found !== key) {
      throw badInput(
        'E_TUNE_STATE',
        `${file} is of a run with other candles, options or settings`,
        'name another file with --state, or remove it',
      );
    }
    for (const line of lines.slice(1)) {
      const { index, fold } = JSON.parse(line) as { readonly index: number; readonly fold: TunedFold };
      done.set(index, fold);
    }
  }
  const head = JSON.stringify({ key });
  writeFileSync(file, `${[head, ...[...done].map(lineOf)].join('\n')}\n`);
  return {
    done,
    add(index, fold) {
      done.set(index, fold);
      appendFileSync(file, `${lineOf([index, fold])}\n`);
    },
  };
}

const lineOf = ([index, fold]: readonly [number, TunedFold]) => JSON.stringify({ index, fold });
