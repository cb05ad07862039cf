/** One thing that a dialect server holds its callers to, or does to them, and where that is known from. */
export interface Rule {
  readonly rule: string;
  /** A page, a captured message or ccxt's own source; null where nothing confirms it. */
  readonly source: string | null;
}
