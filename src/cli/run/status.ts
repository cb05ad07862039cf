import { existsSync, readFileSync } from 'node:fs';
import { callControl } from '../../adapters/control-socket/control-client.js';
import { defineCommand } from '../../console/command.js';
import { EXIT, RedbuttonError } from '../../core/errors.js';
import { type GateState, gateHangs, readGateState } from '../../core/gate-state.js';
import { nodeAdvice } from '../../core/node-support.js';
import { statusFrom } from '../../guard/status.js';
import { ADDRESS_OPTIONS, addressOf } from '../box-address.js';
import { describeGuard } from './guard-answer.js';

/** An answer, or the sentence that says why there is none. */
async function ask<T>(
  call: () => Promise<T>,
): Promise<{ value: T } | { value: null; code: string; detail: string }> {
  try {
    return { value: await call() };
  } catch (error) {
    if (error instanceof RedbuttonError)
      return { value: null, code: error.code, detail: `${error.message} (${error.remedy})` };
    throw error;
  }
}

export const command = defineCommand({
  name: 'status',
  summary: 'show what the box is doing',
  about: 'Asks the guard and the trader, and prints what each answers.',
  options: {
    ...ADDRESS_OPTIONS,
    json: { help: 'print {"guard": …, "trader": …, "gate": …}, null for what is not there' },
  },
  more: 'Exit codes: 0 both answer; 1 one of them does not.',
  async run(values, io) {
    const paths = addressOf(values);
    const guard = await ask(async () =>
      statusFrom(await callControl(paths.guardSocket, 'the guard', 'GET', '/status')),
    );
    const trader = await ask(async () => {
      const { body } = await callControl(paths.traderSocket, 'the trader', 'GET', '/status');
      return body as Record<string, unknown>;
    });
    const gate = existsSync(paths.gateState) ? readGateState(readFileSync(paths.gateState, 'utf8')) : null;
    if (values.json) {
      io.stdout.write(`${JSON.stringify({ guard: guard.value, trader: trader.value, gate })}\n`);
    } else {
      io.stdout.write('guard\n');
      io.stdout.write(indent('detail' in guard ? `${guard.detail}\n` : describeGuard(guard.value)));
      io.stdout.write(`gate\n  ${describeGate(gate)}\n`);
      const advice = nodeAdvice(process.versions.node);
      if (advice !== null) io.stdout.write(`node\n  ${advice}\n`);
      io.stdout.write('trader\n');
      io.stdout.write(indent('detail' in trader ? `${trader.detail}\n` : describeFields(trader.value)));
    }
    return guard.value === null || trader.value === null ? EXIT.failed : EXIT.fine;
  },
});

function describeGate(state: GateState | null): string {
  if (state === null) return 'not running: the kernel holds no order back (see redbutton doctor)';
  if (gateHangs(state, Number(process.hrtime.bigint()) / 1e6)) return 'hangs, so it is shut';
  return state.open ? `open for orders of epoch ${state.epoch}` : 'shut: the kernel lets no order leave';
}

const indent = (text: string) => text.replace(/^(?=.)/gm, '  ');

function describeFields(value: Record<string, unknown> | null): string {
  const text = (field: unknown) => (typeof field === 'string' ? field : JSON.stringify(field));
  return Object.entries(value ?? {})
    .map(([name, field]) => `${name.padEnd(13)} ${text(field)}\n`)
    .join('');
}
