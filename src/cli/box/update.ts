import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { createSystemClock } from '../../adapters/clock/system-clock.js';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { openStore } from '../../adapters/duckdb/index.js';
import { tellPhone } from '../../box/os-update/tell-phone.js';
import { refusalOf } from '../../box/os-update/window.js';
import { removeOtherVersions, unpackRelease } from '../../box/updating/release.js';
import { systemdServices } from '../../box/updating/systemd-services.js';
import {
  type BoxState,
  readTrial,
  settle,
  switchOnTrial,
  type TrialOptions,
  type TrialResult,
} from '../../box/updating/trial.js';
import { boxPaths } from '../../config/paths.js';
import type { Config } from '../../config/schema.js';
import { defineCommand } from '../../console/command.js';
import type { CommandIo } from '../../console/io.js';
import { wrongUsage } from '../../console/option-table.js';
import { whole } from '../../console/option-values.js';
import { badInput, EXIT, fault, messageOf, RedbuttonError } from '../../core/errors.js';
import type { GuardStatus } from '../../guard/status.js';
import { CONFIG_OPTION, configFrom, DEFAULT_CONFIG_FILE } from '../config-option.js';

const HOME = '/opt/redbutton';
const SIGNERS = '/etc/redbutton/release-signers';
const READY_SECONDS = 180;
const REHEARSAL_MS_MAX = 10 * 60_000;
/** Causes of a halt that a person meant. */
const BY_HAND = new Set(['button', 'command']);
const run = promisify(execFile);
const clock = createSystemClock();

export const command = defineCommand({
  name: 'update',
  summary: 'install a signed release, and fall back by itself when it does not come up',
  usage: ['FILE.tar.xz [--with-open-positions] [--allow-older]', '--settle'],
  about: `Verifies FILE.tar.xz by FILE.tar.xz.sig and the signers in ${SIGNERS},
installs it beside the version that runs, lets it read the configuration and
migrate a copy of the store, and switches to it. Where guard and trader are not
up, connected and (if the box was armed) reconciled within 3 minutes, the old
version and its store are put back. The phone is told either way. Needs root.`,
  operands: { file: { value: 'FILE.tar.xz', optional: true, completes: 'file' } },
  options: {
    'with-open-positions': {
      help: 'also while a position is open: for some seconds nobody watches it but its protective stop',
    },
    'ready-within': {
      value: 'SECONDS',
      help: 'how long the new version may take',
      default: String(READY_SECONDS),
      read: whole(10, 3600),
    },
    'allow-older': { help: 'take a release that is not newer' },
    settle: { help: 'finish an update that a power cut interrupted (done at each start)' },
    config: CONFIG_OPTION,
  },
  more: 'Exit codes: 0 installed, 1 failed or fell back, 2 refused.',
  async run(values, io) {
    const { file } = values;
    if (values.settle !== (file === undefined))
      throw wrongUsage('update', 'expected either FILE.tar.xz or --settle');
    if (process.getuid?.() !== 0)
      throw badInput('E_UPDATE_ROOT', 'update needs root', 'sudo redbutton update …');
    // Whoever started it may lose the connection; a switch must not stop half-way for that.
    process.on('SIGHUP', () => undefined);
    const configFile = values.config ?? DEFAULT_CONFIG_FILE;
    const config = configFrom(configFile);
    const options = trialOptions(config, values['ready-within'] * 1000, (sentence) =>
      io.stdout.write(`${sentence}\n`),
    );
    if (file === undefined) {
      const note = await readTrial(HOME);
      if (note === null) return EXIT.fine;
      return told(io, config, note.from, note.to, await settle(options, note));
    }
    if ((await readTrial(HOME)) !== null)
      throw fault('E_UPDATE_BUSY', 'another update is not settled yet', 'sudo redbutton update --settle');

    const from = path.basename(await readlink(path.join(HOME, 'current')));
    const before = await boxState(config);
    if (!values['with-open-positions']) refuseOpenPositions(before.positions);
    const { version: to } = await unpackRelease({
      file,
      signers: SIGNERS,
      versionsDir: path.join(HOME, 'versions'),
      installed: from,
      allowOlder: values['allow-older'],
    });
    io.stdout.write(`${to}: the signature is good; it lies beside ${from}\n`);
    await rehearse(to, configFile, config);
    io.stdout.write(`${to} takes the configuration, and migrates a copy of the store\n`);
    // Minutes may have passed.
    if (!values['with-open-positions']) refuseOpenPositions((await boxState(config)).positions);
    const result = await switchOnTrial(options, from, to, before.armed);
    return told(io, config, from, to, result);
  },
});

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

function trialOptions(config: Config, readyMsMax: number, onStep: (sentence: string) => void): TrialOptions {
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
    onStep,
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
async function rehearse(version: string, configFile: string, config: Config): Promise<void> {
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

async function told(
  io: CommandIo,
  config: Config,
  from: string,
  to: string,
  result: TrialResult,
): Promise<number> {
  const credentialsDir = path.join(path.dirname(DEFAULT_CONFIG_FILE), 'credentials');
  const env = { CREDENTIALS_DIRECTORY: credentialsDir, ...io.env };
  const tell =
    result.outcome === 'kept'
      ? tellPhone(config, env, clock, 'UPDATED', { from, to })
      : tellPhone(config, env, clock, 'UPDATE_FAILED', { from, to, detail: result.detail });
  for (const failure of await tell) io.stderr.write(`the phone was not told: ${failure}\n`);
  if (result.outcome === 'kept') {
    io.stdout.write(`${to} runs, ${Math.round(result.tookMs / 1000)} s after its start\n`);
    await removeOtherVersions(path.join(HOME, 'versions'), [from, to]);
    return EXIT.fine;
  }
  io.stdout.write(
    result.soundAgain
      ? `${from} runs again; ${to} was given up: ${result.detail}\n`
      : `${from} was put back but is not up either: see redbutton status. ${to} was given up: ${result.detail}\n`,
  );
  return EXIT.failed;
}
