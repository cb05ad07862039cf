import { decimal } from '../../../core/money.js';
import type { Bookkeeping } from '../../order-engine.js';
import { assetDecimals, costDecimals } from './names.js';

/**
 * Cost to the pair's `cost_decimals`, and the ledger to the asset's `decimals`: of dollars to four places, so that balances
 * and trades do not add up to the last digit. The fee is in quote unless `fcib` asks for base. Which way it is rounded is not
 * documented: half to even here.
 */
export const bookkeeping: Bookkeeping = {
  cost: (price, amount, instrument) => price.times(amount).round(costDecimals(instrument)),
  fee: ({ instrument, amount, cost, feeIn }, rate) =>
    feeIn === 'base'
      ? { asset: instrument.base, amount: amount.times(rate).round(assetDecimals(instrument.base)) }
      : { asset: instrument.quote, amount: cost.times(rate).round(costDecimals(instrument)) },
  booked: (asset, amount) => amount.round(assetDecimals(asset)),
  // Cost and fee are rounded each by itself: both may go up.
  hold: (cost, rate, { quote }) => {
    const unit = decimal(10).pow(-assetDecimals(quote));
    return cost.plus(cost.times(rate)).round(assetDecimals(quote), 'up').plus(unit.times(2));
  },
};
