import type { CcxtExchange } from './ccxt-module.js';

/** ccxt's options by which it adds no builder, and no fee of one, to an order, and takes its referrer for set. */
export const NO_FEES = { builderFee: false, refSet: true, approvedBuilderFee: false } as const;

/** What ccxt calls by itself, at Hyperliquid while markets load already, to sign a fee or a referrer of its own. */
const SIGNERS = ['handleBuilderFeeApproval', 'approveBuilderFee', 'approveBuilderCode', 'setRef'];

/**
 * Takes from ccxt what signs consent that no owner gave. The options alone would not do: with `builderFee: false` Hyperliquid's
 * class still signs an approval, of 0 %.
 */
export function signNoFees(api: CcxtExchange): void {
  const methods = api as unknown as Record<string, unknown>;
  for (const name of SIGNERS) {
    if (typeof methods[name] === 'function') methods[name] = async () => false;
  }
}
