/**
 * What a start had to repair.
 * `torn_log`: the unfinished last transaction of a power cut was cut from DuckDB's log, and nothing committed was lost.
 * `foreign_log`: the log was of another database or of another state of it, and moved aside; the database was replaced.
 * `put_aside`: the database was damaged and renamed. `missing`: it was gone, and the journal was not. In both cases a new one
 * was begun from what is left: money from the journal, history from the archive.
 * `journal_damaged`: entries of the journal are missing; what the database holds stands.
 */
export type StoreRecovery =
  | { readonly kind: 'torn_log'; readonly keptAs: string; readonly bytes: number }
  | { readonly kind: 'foreign_log' | 'put_aside' | 'journal_damaged'; readonly keptAs: string }
  | { readonly kind: 'missing' };

/** What of it a person has to confirm before the box may enter again; in words. */
export function lossOf(recovery: StoreRecovery): string | null {
  switch (recovery.kind) {
    case 'torn_log':
      return null;
    case 'foreign_log':
      return `the database was replaced, and the log of the one before is kept as ${recovery.keptAs}`;
    case 'put_aside':
      return `the database was damaged and is kept as ${recovery.keptAs}`;
    case 'missing':
      return 'the database was gone';
    case 'journal_damaged':
      return `the journal was damaged and is kept as ${recovery.keptAs}`;
  }
}
