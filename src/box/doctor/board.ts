import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { readUndervoltage, readVitals, TEMPERATURE_C_MAX } from '../../adapters/vitals/vitals.js';
import { nodeAdvice } from '../../core/node-support.js';
import { type Check, type Finding, failed, ok, type Patient, unchecked, warning } from './finding.js';

/** Guard and trader need 250 MB each at most; below this the kernel starts to kill. */
const AVAILABLE_MB_MIN = 150;
const TOTAL_MB_MIN = 850;
/** Warm for a box in the open; the limit is where it slows down. */
const TEMPERATURE_C_WARM = 70;

/** The machine itself: board, memory, temperature, supply. */
export const board: Check = {
  name: 'board',
  async look(patient) {
    const model = await text(patient.procDir, 'device-tree/model');
    const name = model === null ? `no Raspberry Pi (${process.arch})` : model.replaceAll('\0', '');
    const findings: Finding[] = [ok('board', `${name}, Node ${process.versions.node}`)];
    const advice = nodeAdvice(process.versions.node);
    if (advice !== null) findings.push(warning('Node.js', advice, 'see docs/operations.md, Node.js'));
    findings.push(...(await memory(patient)), await temperature(patient), await supply(patient));
    return findings;
  },
};

async function memory({ procDir }: Patient): Promise<Finding[]> {
  const info = await text(procDir, 'meminfo');
  const mb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(info ?? '')?.[1]) / 1024;
  const [total, available] = [mb('MemTotal'), mb('MemAvailable')];
  if (!Number.isFinite(total) || !Number.isFinite(available)) {
    return [unchecked('memory', 'the kernel does not report it', 'look at /proc/meminfo')];
  }
  const detail = `${Math.round(available)} MB available of ${Math.round(total)}`;
  const findings: Finding[] = [];
  if (available < AVAILABLE_MB_MIN) {
    findings.push(failed('memory', detail, 'stop what else runs here; see ps aux --sort=-rss'));
  } else if (total < TOTAL_MB_MIN) {
    findings.push(warning('memory', detail, 'use a board with 1 GB or more'));
  } else findings.push(ok('memory', detail));
  const swaps = (await text(procDir, 'swaps'))?.split('\n').slice(1) ?? [];
  const onCard = swaps
    .map((line) => line.split(/\s+/)[0]!)
    .filter((name) => name !== '' && !name.includes('zram'));
  if (onCard.length > 0) {
    findings.push(
      warning(
        'swap',
        `${onCard.join(', ')}: swapping wears the card and stalls the guard`,
        'use zram instead: apt install systemd-zram-generator, and take the swap file away',
      ),
    );
  }
  return findings;
}

async function temperature({ config, sysDir }: Patient): Promise<Finding> {
  const { temperatureC } = await readVitals(config.device.stateDir, sysDir);
  if (temperatureC === null)
    return unchecked('temperature', 'this machine has no such sensor', 'nothing to do');
  const detail = `${temperatureC.toFixed(0)} °C (it slows down from 80 °C on)`;
  if (temperatureC >= TEMPERATURE_C_MAX)
    return failed('temperature', detail, 'give the box air, or a heat sink');
  return temperatureC >= TEMPERATURE_C_WARM
    ? warning('temperature', detail, 'give the box air, or a heat sink')
    : ok('temperature', detail);
}

async function supply({ sysDir }: Patient): Promise<Finding> {
  const found = await readUndervoltage(sysDir);
  if (found === null) return unchecked('supply', 'this machine does not report its voltage', 'nothing to do');
  const remedy = 'use the Pi’s own power supply and a short cable';
  if (found.now) return failed('supply', 'the voltage is too low right now', remedy);
  if (found.sinceBoot) return warning('supply', 'the voltage was too low at some time since boot', remedy);
  return ok('supply', 'the voltage was never too low since boot');
}

const text = (dir: string, file: string) => readFile(path.join(dir, file), 'utf8').catch(() => null);
