import { setTimeout as delay } from 'node:timers/promises';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { defineCommand } from '../../console/command.js';
import { EXIT } from '../../core/errors.js';
import type { GuardStatus } from '../../guard/status.js';
import { statusFrom } from '../../guard/status.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';
import { cancelText, recordText } from './guard-answer.js';

const CONFIRM_MS_MAX = 15_000;
/** A disk that did not take the halt by now: the person is told rather than kept waiting. */
const UNRECORDED_MS_MAX = 3_000;
const POLL_MS = 200;

export const command = defineCommand({
  name: 'halt',
  summary: 'halt the box now, as the button does',
  about: `Halts the box: from now on nothing but cancels leaves it. Waits until the halt is
recorded, then up to ${CONFIRM_MS_MAX / 1000} s for the cancels to be confirmed, and prints
the result. Halting a halted box is fine. Where the disk does not take the record,
the box is halted all the same, and the command says so after some seconds: only a
power cut would undo it, so do not pull the plug.`,
  options: { ...ADDRESS_OPTIONS, json: { help: "print the guard's status as JSON" } },
  more: 'Exit codes: 0 halted, recorded and confirmed; 1 one of these not, or not yet.',
  async run(values, io) {
    const { guardSocket } = addressOf(values);
    const by = io.env.SUDO_USER ?? io.env.USER ?? 'unknown user';
    let status = statusFrom(
      await callControl(guardSocket, 'the guard', 'POST', '/halt', { by }, CONFIRM_MS_MAX),
    );
    const done = ({ halt }: GuardStatus) => halt === null || (halt.recorded && halt.confirmed === true);
    const limitMs = ({ halt }: GuardStatus) => (halt?.notRecorded ? UNRECORDED_MS_MAX : CONFIRM_MS_MAX);
    for (let ms = 0; ms < limitMs(status) && !done(status) && !io.signal.aborted; ms += POLL_MS) {
      await delay(POLL_MS);
      status = statusFrom(await callControl(guardSocket, 'the guard', 'GET', '/status'));
    }
    const { halt } = status;
    if (values.json) io.stdout.write(`${JSON.stringify(status)}\n`);
    else if (halt === null) io.stdout.write('the box is not halted: it was armed again meanwhile\n');
    else {
      if (halt.notRecorded) {
        io.stdout.write('halted, NOT recorded: survives no power cut; do not pull the plug\n');
      }
      io.stdout.write(`halted: ${halt.detail}\n`);
      io.stdout.write(`recorded: ${recordText(halt)}\n`);
      io.stdout.write(`cancels: ${cancelText(halt)}\n`);
    }
    return halt?.recorded && halt.confirmed ? EXIT.fine : EXIT.failed;
  },
});
