import type { CcxtExchange } from './ccxt-module.js';

/** ccxt's options by which it adds no builder, and no fee of one, to an order, and takes its referrer for set. */
export const NO_FEES = { builderFee: false, refSet: true, approvedBuilderFee: false } as const;

/**
 * Takes from ccxt what signs consent that no owner gave. The options alone would not do: with `builderFee: false` an approval is
 * still signed, of 0 %.
 */
export function signNoFees(api: CcxtExchange, signers: readonly string[]): void {
  const methods = api as unknown as Record<string, unknown>;
  for (const name of signers) {
    if (typeof methods[name] === 'function') methods[name] = async () => false;
  }
}
