import { callControl } from '../adapters/control-socket/control-client.js';
import { EXIT, fault } from '../core/errors.js';
import type { ResumeAnswer } from '../guard/status.js';
import { ADDRESS_HELP, ADDRESS_OPTIONS, addressOf } from './box-address.js';
import { type Command, parseOptions } from './command.js';

export const command: Command = {
  name: 'resume',
  summary: 'let a press and release of the button arm the box again',
  help: `Usage: redbutton resume [--config FILE] [--json]

Opens a window of two minutes in which the box can be armed again, by hand and
at the box only: press and release the red button, or hold the reset button for
3 s where there is one. A new box is armed in the same way. Afterwards orders
only shrink exposure until the trader has reconciled.

${ADDRESS_HELP}
  --json          print the answer as JSON

Exit codes: 0 the window is open; 1 refused, with the reason.
`,
  async run(args, io) {
    const { values } = parseOptions('resume', args, { ...ADDRESS_OPTIONS, json: { type: 'boolean' } });
    const { guardSocket } = addressOf('resume', values);
    const { status, body } = await callControl(guardSocket, 'the guard', 'POST', '/resume');
    const answer = body as ResumeAnswer | null;
    if ((status !== 200 && status !== 409) || typeof answer?.opened !== 'boolean') {
      throw fault('E_GUARD_ANSWER', `the guard answered ${status}`, 'look at its log');
    }
    if (values.json) io.stdout.write(`${JSON.stringify(answer)}\n`);
    else if (answer.opened) {
      io.stdout.write(`resume is open for ${Math.round(answer.windowMs / 1000)} s: ${answer.how}\n`);
    } else io.stderr.write(`resume is refused: ${answer.detail}\n`);
    return answer.opened ? EXIT.fine : EXIT.failed;
  },
};
