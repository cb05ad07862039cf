import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathsOf } from '../../config/paths.js';
import { CREATE_PORT_FIRST, CREATE_PORT_LAST } from '../../core/create-ports.js';
import { type GateState, gateHangs, readGateState } from '../../core/gate-state.js';
import { type Check, type Finding, failed, ok, type Patient, unchecked, warning } from './finding.js';

const UNIT = 'redbutton-gate.service';
const WITHOUT =
  'an order of a trader that is stopped or hung may leave up to 1 s after a press, instead of 60 ms';

/** The gate in the kernel: whether it runs, and what this kernel can do for it. */
export const kernelGate: Check = {
  name: 'kernel gate',
  async look(patient) {
    return [gateFinding(patient), portFinding(patient)];
  },
};

function gateFinding({ config, clock, unitDir }: Patient): Finding {
  const check = 'kernel gate';
  let text: string;
  try {
    text = readFileSync(pathsOf(config.device).gateState, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES')
      return unchecked(check, 'its state may not be read', 'sudo redbutton doctor');
    const detail = `the gate in the kernel is not running: ${WITHOUT}`;
    const remedy = 'sudo apt install nftables, then sudo systemctl restart redbutton-guard';
    return existsSync(path.join(unitDir, UNIT))
      ? failed(check, detail, `${remedy}; see journalctl -u redbutton-gate`)
      : warning(check, detail, `${remedy}, after sudo scripts/install`);
  }
  const state = readGateState(text);
  const restart = 'sudo systemctl restart redbutton-gate; see journalctl -u redbutton-gate';
  if (state === null) return failed(check, 'its state cannot be read', restart);
  if (gateHangs(state, clock.monotonicMs()))
    return failed(check, `the gate in the kernel hangs, so it is shut: no order leaves`, restart);
  return featureFinding(check, state, restart);
}

function featureFinding(check: string, state: GateState, restart: string): Finding {
  const kernel = 'use a kernel of Debian 13, or live with it';
  if (!state.setTimeouts)
    return warning(
      check,
      `set elements do not time out on this kernel: where the gate dies, ${WITHOUT}`,
      kernel,
    );
  if (state.waiting > 0)
    return warning(
      check,
      `${state.waiting} connections of an earlier epoch keep it shut, as this kernel cannot end them`,
      'sudo systemctl restart redbutton',
    );
  if (!state.socketDestroy)
    return warning(
      check,
      'this kernel cannot end connections (INET_DIAG_DESTROY): they are held back at the press as well, but end with the next packet they try to send',
      kernel,
    );
  if (state.failure !== null) return warning(check, `it ${state.failure}`, restart);
  const ended = state.destroyed === 0 ? '' : `; it has ended ${state.destroyed} connections`;
  return ok(check, `${state.open ? `open for epoch ${state.epoch}` : 'shut'}${ended}`);
}

/** Ports that Linux gives to anybody would be held back for anybody. */
function portFinding({ procDir }: Patient): Finding {
  const check = 'order ports';
  const file = path.join(procDir, 'sys/net/ipv4/ip_local_port_range');
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return unchecked(check, `${file} cannot be read`, 'sudo redbutton doctor');
  }
  const [first = 0, last = 0] = text.trim().split(/\s+/).map(Number);
  if (last < CREATE_PORT_FIRST || first > CREATE_PORT_LAST)
    return ok(check, `${CREATE_PORT_FIRST} to ${CREATE_PORT_LAST} are kept for orders`);
  return warning(
    check,
    `Linux gives out the local ports ${first} to ${last} to any program, those of orders (${CREATE_PORT_FIRST} to ${CREATE_PORT_LAST}) among them: while halted, the gate would hold back others, too`,
    'sudo sysctl -w net.ipv4.ip_local_port_range="32768 60999", and in /etc/sysctl.d',
  );
}
