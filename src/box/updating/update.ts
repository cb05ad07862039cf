import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { openStore } from '../../adapters/duckdb/index.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { badInput, fault, messageOf, RedbuttonError } from '../../core/errors.js';
import type { GuardStatus } from '../../guard/status.js';
import { alertPhone } from '../os-update/alert-phone.js';
import { refusalOf } from '../os-update/window.js';
import { removeOtherVersions, unpackRelease } from './release.js';
import { systemdServices } from './systemd-services.js';
import {
  type BoxState,
  finishTrial,
  readTrial,
  switchOnTrial,
  type TrialOptions,
  type TrialResult,
} from './trial.js';

const HOME = '/opt/redbutton';
export const RELEASE_SIGNERS = '/etc/redbutton/release-signers';
const REHEARSAL_MS_MAX = 10 * 60_000;
/** Causes of a halt that a person meant. */
const BY_HAND = new Set(['button', 'command']);
const run = promisify(execFile);
const clock = createSystemClock();

export interface BoxToUpdate {
  readonly configFile: string;
  readonly config: Config;
  /** How long the new version may take until it is up. */
  readonly readyMsMax: number;
  /** With the credentials of the phone. */
  readonly env: Readonly<Record<string, string | undefined>>;
  say(line: string): void;
  warn(line: string): void;
}

/** Finishes an update that a power cut interrupted; false where the new version was given up. */
export async function finishUpdate(box: BoxToUpdate): Promise<boolean> {
  const note = await readTrial(HOME);
  if (note === null) return true;
  return report(box, note.from, note.to, await finishTrial(trialOptions(box), note));
}

/** Installs a signed release on trial; false where it was given up and the old version put back. */
export async function updateProgram(
  box: BoxToUpdate,
  file: string,
  allowed: { readonly withOpenPositions: boolean; readonly allowOlder: boolean },
): Promise<boolean> {
  const { config, say } = box;
  if ((await readTrial(HOME)) !== null)
    throw fault('E_UPDATE_BUSY', 'another update is not settled yet', 'sudo redbutton update --settle');

  const from = path.basename(await readlink(path.join(HOME, 'current')));
  const before = await boxState(config);
  if (!allowed.withOpenPositions) refuseOpenPositions(before.positions);
  const { version: to } = await unpackRelease({
    file,
    signers: RELEASE_SIGNERS,
    versionsDir: path.join(HOME, 'versions'),
    installed: from,
    allowOlder: allowed.allowOlder,
  });
  say(`${to}: the signature is good; installed next to ${from}`);
  await rehearse(to, box);
  say(`${to} takes the configuration, and migrates a copy of the store`);
  // Minutes may have passed.
  if (!allowed.withOpenPositions) refuseOpenPositions((await boxState(config)).positions);
  return report(box, from, to, await switchOnTrial(trialOptions(box), from, to, before.armed));
}

function refuseOpenPositions(positions: Readonly<Record<string, number | null>> | null): void {
  // Any hour will do: somebody is there.
  const refusal = refusalOf({ hour: 0, fromHour: 0, toHour: 0, positions });
  if (refusal === null) return;
  throw badInput(
    refusal.reason === 'positions_open' ? 'E_UPDATE_POSITIONS' : 'E_UPDATE_UNKNOWN',
    refusal.reason === 'positions_open' ? `positions are open: ${refusal.detail}` : refusal.detail,
    'wait until the box is flat, or say --with-open-positions',
  );
}

function trialOptions({ config, readyMsMax, say }: BoxToUpdate): TrialOptions {
  const paths = boxPaths(config);
  return {
    home: HOME,
    stateDir: config.device.stateDir,
    storeFiles: [paths.database, `${paths.database}.wal`, paths.journal],
    services: systemdServices,
    clock,
    state: () => boxState(config),
    async activate(version) {
      await run(path.join(HOME, 'versions', version, 'scripts/activate'), []);
    },
    async storeReadable() {
      try {
        const store = await openStore({ path: paths.database, readOnly: true });
        await store.close();
        return true;
      } catch (error) {
        // One that is not there yet is no harm.
        return error instanceof RedbuttonError && error.code === 'E_STORE_PATH';
      }
    },
    readyMsMax,
    onStep: say,
  };
}

async function boxState(
  config: Config,
): Promise<BoxState & { readonly positions: Readonly<Record<string, number | null>> | null }> {
  const paths = boxPaths(config);
  const ask = async <T>(socket: string, who: string) => {
    try {
      const { status, body } = await callControl(socket, who, 'GET', '/status', undefined, 3000);
      return status === 200 ? (body as T) : null;
    } catch (error) {
      if (error instanceof RedbuttonError) return null;
      throw error;
    }
  };
  const guard = await ask<GuardStatus>(paths.guardSocket, 'the guard');
  const trader = await ask<{ version?: string; positions?: Record<string, number | null> }>(
    paths.traderSocket,
    'the trader',
  );
  return {
    version: trader?.version ?? null,
    positions: trader?.positions ?? null,
    armed: guard?.armed ?? false,
    haltedByHand: guard?.state === 'HALTED' && BY_HAND.has(guard.halt?.cause ?? ''),
    connected: guard?.trader.present ?? false,
  };
}

/** The new version tries itself, before anything is stopped: its own script, on a copy of the store. */
async function rehearse(version: string, { configFile, config }: BoxToUpdate): Promise<void> {
  const copy = path.join(config.device.stateDir, 'rehearsal.duckdb');
  const clear = () => run('rm', ['-f', copy, `${copy}.wal`, `${copy}.part`]);
  const program = (of: string) => path.join(HOME, of, 'dist/main.js');
  await clear();
  try {
    // Through the running trader, which holds the file; a box that has never run has none.
    if (existsSync(boxPaths(config).database)) {
      await run(process.execPath, [program('current'), 'backup', '--config', configFile, '--out', copy]);
    }
    const script = path.join(HOME, 'versions', version, 'scripts/rehearse.mjs');
    await run(process.execPath, [script, configFile, copy], { timeout: REHEARSAL_MS_MAX });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || messageOf(error);
    throw fault(
      'E_UPDATE_REHEARSAL',
      `${version} would not start here: ${said}`,
      'nothing was changed; report this with what it said',
      error,
    );
  } finally {
    await clear();
  }
}

/** Tells the phone and the terminal how a trial ended; true where the new version was kept. */
async function report(
  { config, env, say, warn }: BoxToUpdate,
  from: string,
  to: string,
  result: TrialResult,
): Promise<boolean> {
  const tell =
    result.outcome === 'kept'
      ? alertPhone(config, env, clock, 'UPDATED', { from, to })
      : alertPhone(config, env, clock, 'UPDATE_FAILED', { from, to, detail: result.detail });
  for (const failure of await tell) warn(`the phone was not alerted: ${failure}`);
  if (result.outcome === 'kept') {
    say(`${to} runs, ${Math.round(result.tookMs / 1000)} s after its start`);
    await removeOtherVersions(path.join(HOME, 'versions'), [from, to]);
    return true;
  }
  say(
    result.soundAgain
      ? `${from} runs again; ${to} was given up: ${result.detail}`
      : `${from} was put back but is not up either: see redbutton status. ${to} was given up: ${result.detail}`,
  );
  return false;
}
