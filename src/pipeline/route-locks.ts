/**
 * Streams of one symbol decide one after the other where an entry of one may go to the exchange of another. The lock is
 * taken before the stream's own turn and let go before an order of its own is sent: then nobody waits in a circle.
 */
export interface RouteLocks {
  /** Resolves to the function that lets go; calling it again does nothing. */
  take(symbol: string): Promise<() => void>;
}

export function createRouteLocks(): RouteLocks {
  const tails = new Map<string, Promise<void>>();
  return {
    async take(symbol) {
      const before = tails.get(symbol);
      let letGo = () => {};
      tails.set(
        symbol,
        new Promise<void>((resolve) => {
          letGo = resolve;
        }),
      );
      await before;
      return letGo;
    },
  };
}
