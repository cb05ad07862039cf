import { randomBytes } from 'node:crypto';

const VALID_MS = 900_000;

/** Tokens by which a connection says whose account it listens to; each is good for fifteen minutes to begin with. */
export class Tokens {
  readonly #issued = new Map<string, { readonly apiKey: string; readonly atMs: number }>();
  readonly #monotonicMs: () => number;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  issue(apiKey: string): string {
    const token = randomBytes(32).toString('base64');
    this.#issued.set(token, { apiKey, atMs: this.#monotonicMs() });
    return token;
  }

  accountOf(token: unknown): string | undefined {
    const found = typeof token === 'string' ? this.#issued.get(token) : undefined;
    return found && this.#monotonicMs() - found.atMs < VALID_MS ? found.apiKey : undefined;
  }
}
