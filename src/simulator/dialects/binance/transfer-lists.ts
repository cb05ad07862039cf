import type { Account } from '../../simulated-exchange.js';
import type { Transfer } from '../../transfers.js';
import { refusals } from './api-error.js';
import { wholeNumber } from './market-routes.js';

/** Both ends of a span lie this far apart at most. */
const SPAN_MS_MAX = 90 * 86_400_000;

/** `GET /sapi/v1/capital/deposit/hisrec`. */
export function deposits(account: Account, params: URLSearchParams, nowMs: number): readonly object[] {
  return listed(account, 'deposit', params, nowMs).map(({ id, asset, amount, atMs }) => ({
    id,
    amount,
    coin: asset,
    network: asset,
    status: 1,
    address: `simulated-${asset}`,
    addressTag: '',
    txId: `tx-${id}`,
    insertTime: atMs,
    transferType: 0,
    confirmTimes: '1/1',
    unlockConfirm: 1,
    walletType: 0,
  }));
}

/** `GET /sapi/v1/capital/withdraw/history`; its times are text to the second. */
export function withdrawals(account: Account, params: URLSearchParams, nowMs: number): readonly object[] {
  return listed(account, 'withdrawal', params, nowMs).map(({ id, asset, amount, fee, atMs }) => {
    const at = new Date(atMs).toISOString().slice(0, 19).replace('T', ' ');
    return {
      id,
      amount,
      transactionFee: fee,
      coin: asset,
      status: 6,
      address: `simulated-${asset}`,
      txId: `tx-${id}`,
      applyTime: at,
      network: asset,
      transferType: 0,
      withdrawOrderId: '',
      info: '',
      confirmNo: 1,
      walletType: 0,
      txKey: '',
      completeTime: at,
    };
  });
}

function listed(
  { transfers }: Account,
  kind: Transfer['kind'],
  params: URLSearchParams,
  nowMs: number,
): readonly Transfer[] {
  const endMs = wholeNumber(params, 'endTime', nowMs);
  const startMs = wholeNumber(params, 'startTime', endMs - SPAN_MS_MAX);
  if (endMs - startMs > SPAN_MS_MAX) throw refusals.illegal('endTime');
  const asset = params.get('coin');
  return transfers.filter(
    (each) =>
      each.kind === kind &&
      each.atMs >= startMs &&
      each.atMs <= endMs &&
      (asset === null || each.asset === asset),
  );
}
