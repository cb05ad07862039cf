import { callControl } from '../../adapters/control-socket/control-client.js';
import { defineCommand } from '../../console/command.js';
import { EXIT, fault } from '../../core/errors.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';

export const command = defineCommand({
  name: 'metrics',
  summary: "print the trader's figures for Prometheus",
  about: `Asks the running trader for its figures and prints them in Prometheus' text
format: trading state, equity, positions, model, bars, refusals and orders by
reason, and the process itself. For a Prometheus on the box set metrics.port; for
node_exporter's textfile collector:

  redbutton metrics > /var/lib/prometheus/node-exporter/redbutton.prom`,
  options: ADDRESS_OPTIONS,
  more: 'Exit codes: 0 fine; 1 the trader does not answer.',
  async run(values, io) {
    const { traderSocket } = addressOf(values);
    const { status, body } = await callControl(traderSocket, 'the trader', 'GET', '/metrics');
    const text = (body as { readonly text?: unknown } | null)?.text;
    if (status !== 200 || typeof text !== 'string')
      throw fault(
        'E_METRICS_ANSWER',
        `the trader answered ${status}, without figures`,
        'look at its log; trader and command may be of different versions',
      );
    io.stdout.write(text);
    return EXIT.fine;
  },
});
