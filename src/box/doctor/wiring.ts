import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../../config/schema.js';
import { type Check, type Finding, failed, ok, type Patient, warning } from './finding.js';
import { pullOf } from './pin-pull.js';

const HEADER_MAX = 27;
/** Pins that something else wants, unless it is switched off. */
const SPOKEN_FOR: Readonly<Record<number, string>> = {
  0: 'the HAT’s EEPROM',
  1: 'the HAT’s EEPROM',
  14: 'the serial console',
  15: 'the serial console',
};

/** Judges each configured pin by what it would read with its wire cut; nothing is opened. */
export const wiring: Check = {
  name: 'wiring',
  async look(patient) {
    const { gpio, guard } = patient.config;
    const findings = [contactFinding('button wiring', gpio.buttonLine, guard.contact, patient)];
    if (gpio.secondLine !== undefined) {
      findings.push(contactFinding('second contact', gpio.secondLine, guard.secondContact, patient));
    }
    if (gpio.resetLine !== undefined) findings.push(resetFinding(gpio.resetLine, patient));
    findings.push(ledFinding(gpio.ledLine, patient));
    const shared = sharedPins(gpio);
    if (shared !== undefined) findings.push(shared);
    return findings;
  },
};

/** The bias that will hold: sysfs, which is taken where the kernel has it, sets none. */
function biasOf({ config, sysDir }: Patient): Config['gpio']['bias'] | null {
  const { backend, bias } = config.gpio;
  if (backend === 'onoff') return null;
  const sysfs = backend === 'auto' && existsSync(path.join(sysDir, 'class/gpio'));
  return sysfs || bias === 'as-is' ? null : bias;
}

function contactFinding(check: string, pin: number, contact: 'nc' | 'no', patient: Patient): Finding {
  const where = `GPIO ${pin}`;
  if (pin > HEADER_MAX) return notOnHeader(check, pin);
  const { pull, by } = pullOf(pin, biasOf(patient), patient.bootDir);
  if (contact === 'no') {
    return warning(
      check,
      `${where}, normally open: a cut wire reads like a button at rest, so it would go unnoticed`,
      'use the NC contact of the switch and set guard.contact = "nc"',
    );
  }
  if (pull !== 'up') {
    const reads = pull === 'down' ? 'reads 0, as a healthy button does' : 'reads anything';
    return failed(
      check,
      `${where}, NC to ground, pull ${pull} by ${by}: a CUT WIRE ${reads}`,
      `move the wire to GPIO 5 or 6 (pulled up), or fit 10 kΩ from the pin to 3.3 V and put gpio=${pin}=ip,pu into config.txt`,
    );
  }
  const spoken = SPOKEN_FOR[pin];
  if (spoken !== undefined)
    return warning(check, `${where} is wanted by ${spoken}`, 'use GPIO 5 or 6 instead');
  return ok(check, `${where}, NC to ground, pull up by ${by}: pressed or cut reads 1, at rest 0`);
}

function resetFinding(pin: number, patient: Patient): Finding {
  if (pin > HEADER_MAX) return notOnHeader('reset wiring', pin);
  const { pull, by } = pullOf(pin, biasOf(patient), patient.bootDir);
  if (pull === 'up') return ok('reset wiring', `GPIO ${pin}, pull up by ${by}: pressed reads 0`);
  return failed(
    'reset wiring',
    `GPIO ${pin}, pull ${pull} by ${by}: it would read as pressed all the time`,
    'move it to GPIO 5, 6, 7 or 8',
  );
}

function ledFinding(pin: number, patient: Patient): Finding {
  if (pin > HEADER_MAX) return notOnHeader('LED wiring', pin);
  const { pull, by } = pullOf(pin, null, patient.bootDir);
  if (pull === 'up') {
    return warning(
      'LED wiring',
      `GPIO ${pin}, pull up by ${by}: the LED glows before the guard is up`,
      'use GPIO 17, which is pulled down',
    );
  }
  return ok('LED wiring', `GPIO ${pin} over a resistor to the LED: dark until the guard is up`);
}

function sharedPins(gpio: Config['gpio']): Finding | undefined {
  const pins = Object.entries({
    buttonLine: gpio.buttonLine,
    secondLine: gpio.secondLine,
    resetLine: gpio.resetLine,
    ledLine: gpio.ledLine,
  }).filter(([, pin]) => pin !== undefined);
  for (const [name, pin] of pins) {
    const others = pins.filter(([other, same]) => same === pin && other !== name);
    if (others.length > 0) {
      return failed(
        'pins',
        `gpio.${name} and gpio.${others[0]![0]} are both GPIO ${pin}`,
        'give each a pin of its own',
      );
    }
  }
  return undefined;
}

function notOnHeader(check: string, pin: number): Finding {
  return failed(check, `GPIO ${pin} is not on the header`, 'use a GPIO from 0 to 27');
}
