import { setTimeout as delay } from 'node:timers/promises';
import { callControl } from '../adapters/control-socket/control-client.js';
import { EXIT } from '../core/errors.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, addressOf } from './box-address.js';
import { type Command, parseOptions } from './command.js';
import { cancelText, statusFrom } from './guard-answer.js';

const CONFIRM_MS_MAX = 15_000;
const POLL_MS = 200;

export const command: Command = {
  name: 'halt',
  summary: 'halt the box now, as the button does',
  help: `Usage: redbutton halt [--config FILE] [--json]

Halts the box: no order leaves any more but cancels. Waits until the halt is
recorded, then up to ${CONFIRM_MS_MAX / 1000} s for the cancels to be confirmed, and prints
what was. Halting a halted box is fine.

${ADDRESS_HELP}
  --json          print the guard's status as JSON

Exit codes: 0 halted, recorded and confirmed; 1 not, or not yet.
`,
  async run(args, io) {
    const { values } = parseOptions('halt', args, { ...ADDRESS_OPTIONS, json: { type: 'boolean' } });
    const { guardSocket } = addressOf('halt', values);
    const by = io.env.SUDO_USER ?? io.env.USER ?? 'unknown user';
    let status = statusFrom(
      await callControl(guardSocket, 'the guard', 'POST', '/halt', { by }, CONFIRM_MS_MAX),
    );
    const tries = CONFIRM_MS_MAX / POLL_MS;
    for (let i = 0; i < tries && status.halt?.confirmed !== true && !io.signal.aborted; i++) {
      await delay(POLL_MS);
      status = statusFrom(await callControl(guardSocket, 'the guard', 'GET', '/status'));
    }
    const { halt } = status;
    if (values.json) io.stdout.write(`${JSON.stringify(status)}\n`);
    else if (halt === null) io.stdout.write('the box is not halted: it was armed again meanwhile\n');
    else {
      io.stdout.write(`halted: ${halt.detail}\n`);
      io.stdout.write(`recorded: ${halt.recorded ? 'yes, survives a power cut' : 'NOT YET'}\n`);
      io.stdout.write(`cancels: ${cancelText(halt)}\n`);
    }
    return halt?.recorded && halt.confirmed ? EXIT.fine : EXIT.failed;
  },
};
