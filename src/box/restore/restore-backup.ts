import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { isAnswered } from '../../adapters/control-socket/bind-socket.js';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { openStore } from '../../adapters/duckdb/index.js';
import {
  type CopyFound,
  discardCopy,
  extentOf,
  giveToOwner,
  placeCopy,
  prepareCopy,
  type StoreExtent,
} from '../../adapters/duckdb/open/restore-database.js';
import { syncFolder } from '../../adapters/files/durable-file.js';
import { openRecoveryMarker } from '../../adapters/files/recovery-mark.js';
import { accountOf, boxPaths, type Paths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { badInput, fault, messageOf, RedbuttonError } from '../../core/errors.js';
import { statusFrom } from '../../guard/status.js';

const run = promisify(execFile);
const TRADER = 'redbutton.service';
/** The trader has 10 s to end. */
const STOP_MS_MAX = 30_000;
const HALT_MS_MAX = 15_000;

export interface BackupToRestore {
  /** The absolute path of the backup. */
  readonly copy: string;
  readonly config: Config;
  /** The box that the copy is taken over from. */
  readonly fromBox: string | undefined;
  /** Who asks, for the record of the halt. */
  readonly by: string;
  say(line: string): void;
  warn(line: string): void;
}

/**
 * Puts a backup in the place of the database of a halted box, with the service stopped meanwhile where it runs. Fails with
 * `E_RESTORE_RUNNING`, `E_RESTORE_HALT`, `E_RESTORE_OTHER` and what opening a database throws; nothing has changed then.
 */
export async function restoreBackup(backup: BackupToRestore): Promise<void> {
  const { copy, config } = backup;
  const paths = boxPaths(config);
  if (copy === path.resolve(paths.database))
    throw badInput('E_USAGE', `restore: ${copy} is the database itself`, 'name a backup');
  if (!existsSync(copy)) throw badInput('E_USAGE', `restore: there is no ${copy}`, 'name a backup');
  const stopped = await stopTrader(paths);
  try {
    await restore(backup, paths);
  } finally {
    if (stopped) await startTrader(backup);
  }
}

async function restore({ copy, config, fromBox, by, say }: BackupToRestore, paths: Paths): Promise<void> {
  const { database, journal } = paths;
  // What the old one holds; it may be what is being restored from, and be no database at all.
  const before = await readExtent(database);
  const found = await prepareCopy(copy, database);
  const aside = `${database}.before-restore-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}Z`;
  try {
    refuseOthers(copy, found, config, fromBox);
    await halt(config, paths, by);
  } catch (error) {
    await discardCopy(database);
    throw error;
  }
  await placeCopy(database, journal, aside);
  say(`the database before is kept in ${aside}`);
  const isOthers = found.owner?.box !== config.device.name;
  const marker = openRecoveryMarker(paths.recoveryMark);
  const store = await openStore({
    path: database,
    journal,
    onLoss: (loss) => marker.set(loss, Date.now()),
    owner: { box: config.device.name, account: accountOf(config) },
    ...(isOthers && fromBox !== undefined ? { handedOverBy: fromBox } : {}),
  });
  let after: StoreExtent;
  try {
    after = await extentOf(store);
  } finally {
    await store.close();
    for (const file of [database, journal, paths.recoveryMark]) giveToOwner(file);
  }
  say(`restored ${copy}: ${found.decisions} decisions, the newest of ${timeOf(found.newestMs)}`);
  say(
    `from the journal: ${after.fills - found.fills} fills and ${after.decisions - found.decisions} decisions that became orders`,
  );
  say(missing(before, found, after));
  say('the box is halted: compare redbutton query "SELECT * FROM positions" with the exchange, then arm it');
}

function missing(before: StoreExtent | null, found: CopyFound, after: StoreExtent): string {
  if (before === null) return `decisions after ${timeOf(found.newestMs)} are missing, as many as there were`;
  const lost = before.decisions - after.decisions;
  if (lost <= 0 || before.newestMs === null) return 'nothing is missing since';
  return `missing since: ${lost} decisions that became no order, from ${timeOf(found.newestMs)} to ${timeOf(before.newestMs)}`;
}

const timeOf = (ms: number | null) => (ms === null ? 'never' : new Date(ms).toISOString());

/** What a database holds; null where it cannot be told. `E_STORE_LOCKED` where it is in use. */
async function readExtent(database: string): Promise<StoreExtent | null> {
  if (!existsSync(database)) return null;
  try {
    const store = await openStore({ path: database, readOnly: true });
    try {
      return await extentOf(store);
    } finally {
      await store.close();
    }
  } catch (error) {
    if (error instanceof RedbuttonError && error.code === 'E_STORE_LOCKED') throw error;
    return null;
  }
}

/** `E_RESTORE_OTHER` unless the copy is this box's and of this account. */
function refuseOthers(copy: string, found: CopyFound, config: Config, fromBox: string | undefined): void {
  const refuse = (why: string, remedy: string) =>
    badInput('E_RESTORE_OTHER', `${copy} is not restored: ${why}`, remedy);
  const account = accountOf(config);
  const { owner, mode } = found;
  const foundAccount =
    owner?.account ?? (mode === null || (mode === 'paper') === (account === 'paper') ? account : mode);
  if (foundAccount !== account)
    throw refuse(
      `it is of the account ${foundAccount}, and this box is set to ${account}`,
      'name a backup of this account, or set mode and sandbox to those of the backup',
    );
  const { name } = config.device;
  if (owner !== null ? owner.box === name || owner.box === fromBox : fromBox !== undefined) return;
  throw refuse(
    owner === null ? 'it does not say whose it is' : `it is of the box ${owner.box}, and this one is ${name}`,
    `if it is to be this box's from now on, say --from-box ${owner?.box ?? 'NAME'}`,
  );
}

/**
 * Stops the service where that is ours to do; true when it has to be started again. One that systemd is about to start again
 * counts as running: it would open the database in the middle. `E_RESTORE_RUNNING` where the trader cannot be stopped.
 */
async function stopTrader(paths: Paths): Promise<boolean> {
  const isService = await serviceIsUp();
  const mayStop = isService && process.getuid?.() === 0;
  if (mayStop) await run('systemctl', ['stop', TRADER], { timeout: STOP_MS_MAX }).catch(() => undefined);
  if ((isService && !mayStop) || (mayStop && (await serviceIsUp())) || (await isAnswered(paths.traderSocket)))
    throw fault(
      'E_RESTORE_RUNNING',
      'the trader runs, and holds the database',
      `stop it first: sudo systemctl stop ${TRADER}, or call restore with sudo`,
    );
  return isService;
}

/** Whether systemd runs the trader, or is about to; false where there is no systemd. */
async function serviceIsUp(): Promise<boolean> {
  const state = await run('systemctl', ['is-active', TRADER]).then(
    ({ stdout }) => stdout,
    (error: { readonly stdout?: string }) => error.stdout ?? '',
  );
  return ['active', 'activating', 'reloading', 'deactivating'].includes(state.trim());
}

async function startTrader({ say, warn }: BackupToRestore): Promise<void> {
  try {
    await run('systemctl', ['start', '--no-block', TRADER]);
    say(`${TRADER} starts again`);
  } catch (error) {
    warn(`${TRADER} could not be started again: ${messageOf(error)}; sudo systemctl start ${TRADER}`);
  }
}

/** Halts the box, so that a restored store never trades unseen. `E_RESTORE_HALT` where that cannot be had. */
async function halt(config: Config, paths: Paths, by: string): Promise<void> {
  try {
    const answer = await callControl(paths.guardSocket, 'the guard', 'POST', '/halt', { by }, HALT_MS_MAX);
    if (statusFrom(answer).state === 'HALTED') return;
  } catch (error) {
    if (!(error instanceof RedbuttonError) || error.code !== 'E_SOCKET_NOBODY') throw error;
    // Nobody arms a box without its record.
    if (!existsSync(paths.armedRecord)) return;
    if (config.guard.mode === 'in-process') {
      await rm(paths.armedRecord, { force: true });
      await syncFolder(path.dirname(paths.armedRecord));
      return;
    }
  }
  throw fault(
    'E_RESTORE_HALT',
    'the guard did not halt the box, so nothing was restored',
    'sudo systemctl start redbutton-guard, then try again',
  );
}
