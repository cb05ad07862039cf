import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { nearest } from '../../core/nearest.js';

export type TimeZoneReading = { readonly name: string } | { readonly mistake: string };

/** Time zones that a system has, and the names of before that stand for one of them. */
export class TimeZones {
  readonly #names: ReadonlySet<string>;
  readonly #targets: ReadonlyMap<string, string>;
  readonly #isThere: (name: string) => boolean;

  constructor(
    names: ReadonlySet<string>,
    targets: ReadonlyMap<string, string>,
    isThere = (name: string) => !targets.has(name) && names.has(name),
  ) {
    this.#names = names;
    this.#targets = targets;
    this.#isThere = isThere;
  }

  /**
   * The zone that is meant, as the system spells it: a link to a name that it lacks would leave its clock at UTC. A name of
   * before, or in other letters, is taken where the tz database leaves no doubt.
   */
  read(given: string): TimeZoneReading {
    const spelled = this.#spelled(given);
    for (let name = spelled; name !== undefined; name = this.#targets.get(name)) {
      if (this.#isThere(name)) return { name };
    }
    const near = this.#near(given);
    return {
      mistake: `expected a time zone as in "Europe/Berlin"${near === undefined ? '' : `; is it "${near}"?`}`,
    };
  }

  #spelled(given: string): string | undefined {
    if (this.#names.has(given)) return given;
    const alike = [...this.#names].filter((name) => folded(name) === folded(given));
    return alike.length === 1 ? alike[0] : undefined;
  }

  #near(given: string): string | undefined {
    // "UTC+2" is near to "Etc/GMT+2", which is the opposite: no number is meant for what stands nearest.
    if (/\d/.test(given)) return undefined;
    const known = [...this.#names].filter((name) => this.#isThere(name) && !name.startsWith('Etc/'));
    const wanted = folded(given);
    const byCity = known.find((name) => cityOf(folded(name)) === cityOf(wanted));
    if (byCity !== undefined) return byCity;
    const byFolded = new Map(known.map((name) => [folded(name), name]));
    const whole = nearest(wanted, [...byFolded.keys()]);
    if (whole !== undefined) return byFolded.get(whole);
    const city = nearest(cityOf(wanted), known.map(folded).map(cityOf));
    return city === undefined ? undefined : known.find((name) => cityOf(folded(name)) === city);
  }
}

/** Those of the image. */
export function zonesOfImage(): TimeZones {
  const { names, targets } = listed();
  return new TimeZones(names, targets);
}

/** Those of the system below `root`; those of the image where it has none yet. */
export function zonesBelow(root: string): TimeZones {
  const folder = path.join(root, 'usr/share/zoneinfo');
  if (!existsSync(folder)) return zonesOfImage();
  const { names, targets } = listed();
  const source = path.join(folder, 'tzdata.zi');
  if (existsSync(source)) addZones(readFileSync(source, 'utf8'), names, targets);
  return new TimeZones(names, targets, (name) => existsSync(path.join(folder, name)));
}

function listed() {
  const names = new Set<string>();
  const targets = new Map<string, string>();
  for (const line of readFileSync(new URL('./time-zones.txt', import.meta.url), 'utf8').split('\n')) {
    const [name = '', target] = line.split(' ');
    if (name === '' || name === '#') continue;
    names.add(name);
    if (target !== undefined) targets.set(name, target);
  }
  return { names, targets };
}

/** Takes zones and links from the compact source of the tz database (zic(8)): "Z NAME …", "L TARGET NAME". */
function addZones(source: string, names: Set<string>, targets: Map<string, string>): void {
  for (const line of source.split('\n')) {
    const [kind, first = '', second = ''] = line.split(' ');
    if (kind === 'Z' && first !== 'Factory') names.add(first);
    if (kind !== 'L') continue;
    names.add(second);
    targets.set(second, first);
  }
}

const folded = (name: string) => name.trim().toLowerCase().replaceAll(' ', '_');
const cityOf = (name: string) => name.slice(name.lastIndexOf('/') + 1);
