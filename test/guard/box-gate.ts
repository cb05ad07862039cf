import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type GateState, readGateState } from '../../src/core/gate-state.js';
import { setNice } from './nice.js';

export interface BoxGate {
  state(): GateState;
  /** Packets of orders that it did not let pass. */
  heldBack(): number;
  stop(): Promise<void>;
}

const WAIT_MS_MAX = 10_000;
/** Its unit's. */
const NICE = -10;

/** Starts the gate in the kernel for a box in this network, as its unit does; `permitFile` is the guard's. */
export async function startBoxGate(root: string, permitFile: string): Promise<BoxGate> {
  const guardDir = path.dirname(permitFile);
  const stateDir = `${path.dirname(guardDir)}-gate`;
  mkdirSync(stateDir);
  execFileSync('nft', ['-f', path.join(root, 'systemd/redbutton-gate.nft')]);
  const program = path.join(root, 'native/build/Release/redbutton-gate');
  const child = spawn(program, ['--permit-folder', guardDir, '--state-folder', stateDir], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += String(chunk);
  });
  await once(child, 'spawn');
  setNice(child.pid!, NICE);
  const read = (): GateState | null => {
    try {
      return readGateState(readFileSync(path.join(stateDir, 'state'), 'utf8'));
    } catch {
      return null;
    }
  };
  const endMs = performance.now() + WAIT_MS_MAX;
  while (read() === null) {
    if (child.exitCode !== null || performance.now() > endMs)
      throw new Error(`the gate did not start: ${said}`);
    await delay(5);
  }
  return {
    state() {
      const state = read();
      if (state === null || child.exitCode !== null) throw new Error(`the gate is gone: ${said}`);
      return state;
    },
    heldBack() {
      const counter = ['list', 'counter', 'inet', 'redbutton_gate', 'held_back'];
      const listed = execFileSync('nft', counter, { encoding: 'utf8' });
      return Number(/packets (\d+)/.exec(listed)?.[1]);
    },
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}
