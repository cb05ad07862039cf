type Codes = Readonly<Record<string, string>>;

/** The page of the catalogue, as Markdown. */
export function errorCodesPage(catalogue: {
  readonly FAILED: Codes;
  readonly BAD_INPUT: Codes;
  readonly LIVE_BLOCKERS: Codes;
  readonly REPORTED: Codes;
}): string;
