import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findLine, listChips } from '../../adapters/gpio/sysfs-lines.js';
import type { GuardStatus } from '../../guard/status.js';
import { type Finding, failed, findingOf, ok, type Patient, unchecked, warning } from './finding.js';

const LIT_MS = 400;
const BLINKS = 3;
/** How long the contact is looked at. */
const LOOK_MS = 300;
const LOOK_EVERY_MS = 10;

/** Which chip the lines are of: label, and the base of its numbers, which differs by kernel and board. */
export function chipFinding({ config, sysDir }: Patient): Finding {
  const { backend, chipLabels, buttonLine } = config.gpio;
  if (backend === 'simulated') {
    return warning(
      'GPIO chip',
      'gpio.backend is "simulated": no real button can halt this box',
      'set gpio.backend = "auto" on the box itself',
    );
  }
  const root = path.join(sysDir, 'class/gpio');
  if (backend === 'chardev' || (backend === 'auto' && !existsSync(root))) {
    return ok('GPIO chip', `the character device, chips labelled ${chipLabels.join(' or ')}`);
  }
  try {
    const number = findLine(root, chipLabels, buttonLine);
    const chip = listChips(root).find(({ base, count }) => number >= base && number < base + count)!;
    return ok('GPIO chip', `${chip.label}, base ${chip.base}: GPIO ${buttonLine} is line ${number} of sysfs`);
  } catch (error) {
    return findingOf('GPIO chip', error);
  }
}

/** Contact and LED as the running guard has them; it alone may touch the lines. */
export function linesByGuard(status: GuardStatus): readonly Finding[] {
  const findings: Finding[] = [];
  if (status.lineFault !== null) {
    findings.push(failed('button', `the guard cannot read it: ${status.lineFault}`, 'look at the wiring'));
  } else if (status.contact === 'pressed') {
    findings.push(
      failed(
        'button',
        'contact open: the button is pressed, or its wire is cut',
        'release it (turn it); if it is released, look at plug and wire',
      ),
    );
  } else if (status.contact === 'released') {
    findings.push(ok('button', 'contact closed: at rest'));
  } else findings.push(unchecked('button', 'the guard has not read it yet', 'try again in a moment'));
  findings.push(
    ok('LED', `driven by the guard, which shows "${status.led}"; redbutton led --explain says how it looks`),
  );
  return findings;
}

/** Reads the contact for a moment and blinks the LED, without a guard. */
export async function linesByHand(patient: Patient): Promise<readonly Finding[]> {
  const { gpio: settings, guard } = patient.config;
  if (settings.backend === 'simulated') return [];
  const findings: Finding[] = [];
  let bank: ReturnType<Patient['openLines']>;
  try {
    bank = patient.openLines();
  } catch (error) {
    return [findingOf('button', error)];
  }
  try {
    const line = await bank.input(settings.buttonLine);
    try {
      const seen = new Set<0 | 1>();
      for (let i = 0; i < LOOK_MS / LOOK_EVERY_MS; i++) {
        seen.add(line.read());
        await delay(LOOK_EVERY_MS);
      }
      const open = guard.contact === 'nc' ? 1 : 0;
      if (seen.size === 2) {
        findings.push(
          failed(
            'button',
            'its level changes by itself: a loose wire',
            'fasten the plug; keep the wire short',
          ),
        );
      } else if (seen.has(open)) {
        findings.push(
          failed(
            'button',
            `reads ${open}: pressed, or its wire is cut`,
            'release it (turn it); if it is released, look at plug and wire',
          ),
        );
      } else findings.push(ok('button', `reads ${open === 1 ? 0 : 1}: at rest`));
    } finally {
      line.close();
    }
  } catch (error) {
    findings.push(findingOf('button', error));
  }
  if (patient.quick) return findings;
  try {
    const led = await bank.output(settings.ledLine);
    try {
      for (let i = 0; i < BLINKS; i++) {
        led.write(1);
        await delay(LIT_MS);
        led.write(0);
        await delay(LIT_MS);
      }
    } finally {
      led.close();
    }
    findings.push(ok('LED', `was lit ${BLINKS} times just now; if you saw nothing, turn the LED round`));
  } catch (error) {
    findings.push(findingOf('LED', error));
  }
  return findings;
}
