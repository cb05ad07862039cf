import { callControl } from '../../adapters/control-socket/control-client.js';
import { openRecoveryMarker, type RecoveryMark } from '../../adapters/files/recovery-mark.js';
import { defineCommand } from '../../console/command.js';
import { EXIT, fault, RedbuttonError } from '../../core/errors.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const command = defineCommand({
  name: 'recovery',
  summary: 'say whether the store was rebuilt, and confirm it',
  about: `A damaged database is moved aside and rebuilt from the journal, the archive and the
exchange. No record of money is lost by that, history may be. Until a person
has confirmed it the box only reduces positions, also after restarts. Compare redbutton query
"SELECT * FROM positions" with the exchange, then confirm.`,
  options: {
    confirm: { help: 'the store is right: entries are possible again' },
    ...ADDRESS_OPTIONS,
  },
  more: 'Exit codes: 0 nothing to confirm; 1 a rebuilt store waits for your confirmation.',
  async run(values, io) {
    const paths = addressOf(values);
    const ask = async (): Promise<RecoveryMark | null> => {
      const [method, route] = values.confirm
        ? (['POST', '/recovery/confirm'] as const)
        : (['GET', '/recovery'] as const);
      const { status, body } = await callControl(paths.traderSocket, 'the trader', method, route);
      if (status !== 200) {
        const detail = (body as { detail?: string } | null)?.detail ?? `status ${status}`;
        throw fault('E_TRADER_ANSWER', `the trader: ${detail}`, 'see redbutton status and its log');
      }
      return body as RecoveryMark | null;
    };
    const mark = await ask().catch(async (error: unknown) => {
      if (!(error instanceof RedbuttonError) || error.code !== 'E_SOCKET_NOBODY') throw error;
      const marker = openRecoveryMarker(paths.recoveryMark);
      const found = marker.current();
      if (found !== null && values.confirm) await marker.clear();
      return found;
    });
    if (mark === null) {
      io.stdout.write('the store is whole: nothing to confirm\n');
      return EXIT.fine;
    }
    const when = mark.atMs > 0 ? `${new Date(mark.atMs).toISOString()}: ` : '';
    io.stdout.write(`${when}${mark.loss}\n`);
    io.stdout.write(
      values.confirm
        ? 'confirmed: entries are possible again\n'
        : 'to confirm: redbutton recovery --confirm\n',
    );
    return values.confirm ? EXIT.fine : EXIT.failed;
  },
});
