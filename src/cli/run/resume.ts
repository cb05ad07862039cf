import type { BreakerAnswer } from '../../adapters/control-socket/breaker-routes.js';
import { callControl } from '../../adapters/control-socket/control-client.js';
import type { Paths } from '../../config/paths.js';
import { defineCommand } from '../../console/command.js';
import { EXIT, fault, RedbuttonError } from '../../core/errors.js';
import type { ResumeAnswer } from '../../guard/status.js';
import { askTrader } from '../../research/studies/store-access.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const command = defineCommand({
  name: 'resume',
  summary: 'let two presses of the button arm the box again',
  about: `Opens a window of two minutes in which the box can be armed again, by hand and
at the box only: press and release the red button, wait for 2 s, and press and
release it again within 10 s; or hold the reset button for 3 s where there is
one. The LED shows the window with three short blinks, and the phone is alerted.
One press alone arms nothing; a second one too soon halts and ends the window. A
new box is armed in the same way. Afterwards orders may only reduce positions
until the trader has reconciled with the exchange.

Only a person may ask: root, or a user that people log in as. Users of services
are turned away.

After the drawdown circuit breaker has tripped it is refused until you accept the
loss with --rebase-peak: find out first what was lost and why (redbutton trades,
redbutton report).`,
  options: {
    'rebase-peak': {
      help: 'accept the loss: from now on drawdown is measured from the present equity, which is recorded with your name; the box must be halted',
    },
    ...ADDRESS_OPTIONS,
    json: { help: 'print the answer as JSON' },
  },
  more: 'Exit codes: 0 the window is open; 1 refused, with the reason.',
  async run(values, io) {
    const paths = addressOf(values);
    const refuse = (reason: string, detail: string) => {
      if (values.json) io.stdout.write(`${JSON.stringify({ opened: false, reason, detail })}\n`);
      else io.stderr.write(`resume is refused: ${detail}\n`);
      return EXIT.failed;
    };
    const before = await breakerOf(paths);
    if (before === null && values['rebase-peak'])
      return refuse(
        'trader_absent',
        'the trader does not answer, and only it knows the peak: start it first',
      );
    if (before?.tripped === true && !values['rebase-peak'])
      return refuse(
        'breaker_tripped',
        `${describe(before)}; to accept the loss and go on, run it with --rebase-peak`,
      );
    if (before?.tripped === false && values['rebase-peak'])
      return refuse('breaker_not_tripped', 'the drawdown circuit breaker has not tripped: nothing to rebase');

    const { status, body } = await callControl(paths.guardSocket, 'the guard', 'POST', '/resume');
    const answer = body as ResumeAnswer | null;
    if (![200, 403, 409].includes(status) || typeof answer?.opened !== 'boolean') {
      throw fault('E_GUARD_ANSWER', `the guard answered ${status}`, 'look at its log');
    }
    if (!answer.opened) {
      const first = values['rebase-peak'] ? ' (the peak is rebased on a halted box: redbutton halt)' : '';
      return refuse(answer.reason, `${answer.detail}${first}`);
    }
    const by = io.env.SUDO_USER ?? io.env.USER ?? 'unknown user';
    const rebased = values['rebase-peak']
      ? ((await askTrader(paths, '/breaker/rebase', { by })) as BreakerAnswer)
      : null;
    if (values.json)
      io.stdout.write(`${JSON.stringify(rebased === null ? answer : { ...answer, rebased })}\n`);
    else {
      if (rebased !== null)
        io.stdout.write(
          `the drawdown is measured from ${rebased.peakEquity.toFixed(2)} now, said by ${by}\n`,
        );
      if (before === null)
        io.stdout.write('the trader does not answer: if its circuit breaker has tripped, it stays so\n');
      io.stdout.write(`resume is open for ${Math.round(answer.windowMs / 1000)} s: ${answer.how}\n`);
    }
    return EXIT.fine;
  },
});

/** Null where no trader answers: then nothing can enter either, and its latch is on disk. */
async function breakerOf(paths: Paths): Promise<BreakerAnswer | null> {
  try {
    const { status, body } = await callControl(paths.traderSocket, 'the trader', 'GET', '/breaker');
    return status === 200 ? (body as BreakerAnswer) : null;
  } catch (error) {
    if (error instanceof RedbuttonError) return null;
    throw error;
  }
}

const describe = ({ drawdown, peakEquity, equity }: BreakerAnswer) =>
  `the drawdown circuit breaker tripped (equity ${equity.toFixed(2)}, ${(drawdown * 100).toFixed(1)} % below its peak of ${peakEquity.toFixed(2)})`;
