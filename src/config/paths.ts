import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { badInput, messageOf } from '../core/errors.js';
import type { Config } from './schema.js';

/**
 * Whose money is counted: none, a test network's, or real money. Each has a database and a journal of its own: fills,
 * flows and the equity peak of one must never be counted in another.
 */
export type Account = 'paper' | 'testnet' | 'live';

export function accountOf(config: Pick<Config, 'mode' | 'exchange'>): Account {
  if (config.mode === 'paper') return 'paper';
  return config.exchange.every(({ sandbox }) => sandbox) ? 'testnet' : 'live';
}

/** Where the two processes keep their files: one place, so that they agree. */
export interface Paths {
  /** The trader's database. */
  readonly database: string;
  /** What money was written down in before anything depended on it. */
  readonly journal: string;
  /** There while a rebuilt store waits for a person's word. */
  readonly recoveryMark: string;
  /** The guard's record of being armed; the only truth for HALTED. */
  readonly armedRecord: string;
  /** The guard's leave to enter, on tmpfs, in a directory that only the guard can write. */
  readonly permit: string;
  readonly guardSocket: string;
  /** Where the trader connects to the guard's own process. */
  readonly guardLinkSocket: string;
  readonly traderSocket: string;
  /** What the gate in the kernel says of itself, in a folder of its own user. */
  readonly gateState: string;
  /** Names the second record, on a card of the image that has a place for it. */
  readonly secondRecordPlace: string;
  /** Where the trader leaves exports and backups to be fetched. */
  readonly handover: string;
  /** Bars that have expired, as Parquet by exchange, symbol and month. */
  readonly archive: string;
  /** Models trained on the box. */
  readonly models: string;
  /** Alerts of the trader that wait for ntfy; those for MQTT wait in the database. */
  readonly ntfyOutbox: string;
  /** Alerts of the guard that wait, by sink. */
  readonly guardOutboxes: { readonly mqtt: string; readonly ntfy: string };
  /** The random part of each process's MQTT client id. */
  readonly mqttClientIds: { readonly trader: string; readonly guard: string };
}

/** The files of the box as it is configured. */
export function boxPaths(config: Pick<Config, 'device' | 'mode' | 'exchange'>): Paths {
  return pathsOf(config.device, accountOf(config));
}

export function pathsOf(device: Config['device'], account: Account = 'paper'): Paths {
  const books = account === 'paper' ? 'redbutton' : `redbutton-${account}`;
  const guardRun = path.join(device.runDir, 'guard');
  const guardState = `${device.stateDir}-guard`;
  return {
    database: path.join(device.stateDir, `${books}.duckdb`),
    journal: path.join(device.stateDir, `${books}.journal`),
    recoveryMark: path.join(device.stateDir, 'unconfirmed-recovery.json'),
    armedRecord: path.join(guardState, 'armed'),
    permit: path.join(guardRun, 'permit'),
    guardSocket: path.join(guardRun, 'control.sock'),
    guardLinkSocket: path.join(guardRun, 'link.sock'),
    traderSocket: path.join(device.runDir, 'trader.sock'),
    gateState: path.join(`${device.runDir}-gate`, 'state'),
    secondRecordPlace: path.join(`${device.runDir}-record`, 'env'),
    handover: path.join(device.stateDir, 'handover'),
    archive: path.join(device.stateDir, account === 'paper' ? 'archive' : `archive-${account}`),
    models: path.join(device.stateDir, 'models'),
    ntfyOutbox: path.join(device.stateDir, 'ntfy-alerts.jsonl'),
    guardOutboxes: {
      mqtt: path.join(guardState, 'mqtt-alerts.jsonl'),
      ntfy: path.join(guardState, 'ntfy-alerts.jsonl'),
    },
    mqttClientIds: {
      trader: path.join(device.stateDir, 'mqtt-client-id'),
      guard: path.join(guardState, 'mqtt-client-id'),
    },
  };
}

/** Makes a folder of the box with its parents; `E_DIRECTORY` where it cannot be made. */
export function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw badInput(
      'E_DIRECTORY',
      `cannot make ${dir}: ${messageOf(error)}`,
      'name a folder that can be written in [device]',
      error,
    );
  }
}
