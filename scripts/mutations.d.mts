/** One deliberate fault: `from` stands once in `file` and becomes `to`; `by` are the tests that must see it, or `sim`. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  readonly by: string;
}

export const MUTATIONS: readonly Mutation[];
