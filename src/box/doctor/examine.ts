import { alertWays } from './alert-ways.js';
import { board } from './board.js';
import { credentialFiles } from './credential-files.js';
import { disk } from './disk.js';
import { clockAndExchange } from './exchange.js';
import { type Check, type Finding, findingOf, type Patient } from './finding.js';
import { kernelGate } from './gate.js';
import { liveTrading } from './live-trading.js';
import { model } from './model.js';
import { secondRecord } from './second-record.js';
import { processes, units } from './services.js';
import { wiring } from './wiring.js';

/** In the order in which a person would look: whether it may trade at all, then the button. */
const CHECKS: readonly Check[] = [
  liveTrading,
  wiring,
  processes,
  units,
  kernelGate,
  clockAndExchange,
  alertWays,
  disk,
  secondRecord,
  board,
  model,
  credentialFiles,
];

/** Runs every check; one that fails in a way it should not is a finding too, and keeps no other from being made. */
export async function examine(
  patient: Patient,
  onFinding: (finding: Finding) => void,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const all: Finding[] = [];
  for (const check of CHECKS) {
    signal.throwIfAborted();
    const findings = await check.look(patient).catch((error: unknown) => [findingOf(check.name, error)]);
    for (const finding of findings) onFinding(finding);
    all.push(...findings);
  }
  return all;
}
