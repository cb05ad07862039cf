import { readFileSync } from 'node:fs';
import type { Peer } from './peer.js';

const FIRST_PERSON = 1_000;
/** Users that systemd makes for a service while it runs (DynamicUser=). */
const DYNAMIC_FIRST = 61_184;
const DYNAMIC_LAST = 65_519;
/** "nobody", and what a user id that is none becomes in 16 and in 32 bits. */
const NO_USERS: ReadonlySet<number> = new Set([65_534, 65_535, 0xffff_ffff]);

/** Whether a user is a person's: root, or one that people log in as. All others are those of services. */
export function isPerson(uid: number): boolean {
  if (uid === 0) return true;
  return uid >= FIRST_PERSON && !(uid >= DYNAMIC_FIRST && uid <= DYNAMIC_LAST) && !NO_USERS.has(uid);
}

/** A peer's user for people: "anna (uid 1000)". */
export function userOf({ uid }: Pick<Peer, 'uid'>): string {
  try {
    for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
      const [name = '', , id] = line.split(':');
      if (id === String(uid) && /^[\w.-]+$/.test(name)) return `${name} (uid ${uid})`;
    }
  } catch {
    // Without the list the number must do.
  }
  return `uid ${uid}`;
}
