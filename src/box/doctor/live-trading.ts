import { checkedAddresses, createExchange, marketBlockers } from '../../adapters/ccxt/index.js';
import { type LiveBlocker, liveBlockers, sandboxWarnings } from '../../config/live-blockers.js';
import { accountOf } from '../../config/paths.js';
import type { ExchangeConfig } from '../../config/schema.js';
import { type Check, type Finding, failed, findingOf, ok, type Patient, warning } from './finding.js';

const NAME = 'live trading';
const TIMEOUT_MS = 8_000;

/** Every reason for which the trader would refuse real money at its start; on a test network each is a warning. */
export const liveTrading: Check = {
  name: NAME,
  async look(patient) {
    const { config } = patient;
    const account = accountOf(config);
    if (account === 'paper') return addressesOf(config.exchange);
    const refusals: LiveBlocker[] = [...liveBlockers(config), ...sandboxWarnings(config)];
    if (account === 'live') {
      const but = new Set(refusals.map(({ exchange }) => exchange));
      refusals.push(...(await patient.unearned(but)));
    }
    for (const entry of config.exchange) refusals.push(...(await ofMarkets(entry, patient)));
    const findings = refusals.map(({ code, message, remedy }) =>
      account === 'live'
        ? failed(NAME, `${message} (${code})`, remedy)
        : warning(NAME, `real money would be refused: ${message} (${code})`, remedy),
    );
    const wrong = addressesOf(config.exchange);
    if (findings.length + wrong.length > 0) return [...wrong, ...findings];
    return [
      ok(NAME, account === 'live' ? 'nothing speaks against it' : 'a test network; real money is not moved'),
    ];
  },
};

function addressesOf(entries: readonly ExchangeConfig[]): Finding[] {
  return entries.flatMap((entry) => {
    try {
      checkedAddresses(entry);
      return [];
    } catch (error) {
      return [findingOf(NAME, error)];
    }
  });
}

/** An exchange that is away is another check's finding. */
async function ofMarkets(entry: ExchangeConfig, { config, clock }: Patient): Promise<readonly LiveBlocker[]> {
  try {
    const connection = await createExchange(entry, clock);
    Object.assign(connection.api, { timeout: TIMEOUT_MS });
    await connection.api.loadMarkets();
    return marketBlockers(connection, entry.symbols, config.execution.orderType);
  } catch {
    return [];
  }
}
