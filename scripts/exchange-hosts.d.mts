export interface ExchangeHosts {
  readonly live: readonly string[];
  readonly test: readonly string[];
}
export function exchangeHosts(): ExchangeHosts;
export function hostsFile(hosts: ExchangeHosts): string;
