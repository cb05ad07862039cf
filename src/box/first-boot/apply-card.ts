import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { renameDurably, writeDurably } from '../../adapters/files/durable-file.js';
import { messageOf } from '../../core/errors.js';
import { placeBelow } from './below.js';
import { Card } from './card.js';
import { readCardBytes } from './card-bytes.js';
import type { CardSettings } from './card-file.js';
import { CONFIG_FILE, systemFilesOf } from './system-files.js';
import { zonesBelow } from './time-zones.js';

/** Where things are. On the box: `/`, `/boot/firmware` and `/data/settings`. */
export interface Places {
  readonly root: string;
  readonly card: string;
  /** Files of the system that its root would forget; put in place again at each start, before all else. */
  readonly settings: string;
}

/** `unwiped`: why what is free on the card could not be overwritten; null when it was. */
export type CardOutcome =
  | {
      readonly outcome: 'applied';
      readonly wrote: readonly string[];
      readonly settings: CardSettings;
      readonly unwiped: string | null;
    }
  /** There is no file, and the box has a configuration. */
  | { readonly outcome: 'nothing_to_do' }
  /** An earlier start applied the file, and lost its power while wiping it. */
  | { readonly outcome: 'wipe_finished'; readonly unwiped: string | null }
  | { readonly outcome: 'mistakes'; readonly mistakes: readonly string[] };

const run = promisify(execFile);

/**
 * Applies the card's `redbutton.toml`, and wipes it. Power may fail at any moment: nothing is removed from the card
 * before all of it is durable elsewhere, so the next start does it again, or finishes the wiping. With mistakes nothing
 * is changed but the list of them on the card. `setUpBroker` is called where the broker is to be on the box.
 */
export async function applyCard(
  places: Places,
  setUpBroker: (settings: CardSettings) => Promise<void>,
): Promise<CardOutcome> {
  const card = new Card(places.card);
  const wiping = path.join(places.settings, '.wiping');
  const configured = await exists(path.join(places.root, CONFIG_FILE));
  const bytes = await card.read();
  if (bytes === null) {
    if (await exists(wiping)) return finishWiping();
    if (configured) return { outcome: 'nothing_to_do' };
    return refuse(['there is no redbutton.toml on this card: copy redbutton-example.toml and fill it in']);
  }
  if (bytes.includes(0) && (await exists(wiping))) return finishWiping();
  const reading = readCardBytes(bytes, configured, zonesBelow(places.root));
  if ('mistakes' in reading) return refuse(reading.mistakes);
  const { settings } = reading;
  const wrote = await write(places, settings);
  if (settings.box.broker?.onBox === true) await setUpBroker(settings).catch(reportBroker);
  await mkdir(places.settings, { recursive: true });
  await writeDurably(wiping, '');
  await card.wipe();
  await card.leaveReminder(settings.reminder);
  return { outcome: 'applied', wrote, settings, unwiped: await wipeFree() };

  async function reportBroker(error: unknown): Promise<never> {
    await card.reportMistakes([`box.broker: ${messageOf(error)}`]);
    throw error;
  }
  /** A card that does not let itself be overwritten keeps no box from trading: told, and tried again at the next start. */
  async function wipeFree(): Promise<string | null> {
    const unwiped = await card.wipeFree();
    if (unwiped === null) await rm(wiping);
    return unwiped;
  }
  async function finishWiping(): Promise<CardOutcome> {
    await card.wipe();
    return { outcome: 'wipe_finished', unwiped: await wipeFree() };
  }
  async function refuse(mistakes: readonly string[]): Promise<CardOutcome> {
    await card.reportMistakes(mistakes);
    return { outcome: 'mistakes', mistakes };
  }
}

async function write(places: Places, settings: CardSettings): Promise<string[]> {
  const { files, links } = systemFilesOf(settings);
  for (const file of files) {
    const bases = file.keep === 'settings' ? [places.settings, places.root] : [places.root];
    for (const base of bases) {
      await writeDurably(await placeBelow(base, file.path), file.content, file.mode);
    }
  }
  for (const { path: where, target } of links) {
    for (const base of [places.settings, places.root])
      await linkDurably(await placeBelow(base, where), target);
  }
  if (settings.box.ssh !== undefined) await makeHostKey(places);
  return [...files.map((file) => file.path), ...links.map((link) => link.path)];
}

async function linkDurably(where: string, target: string): Promise<void> {
  const fresh = `${where}.new`;
  await rm(fresh, { force: true });
  await symlink(target, fresh);
  await renameDurably(fresh, where);
}

/** Made on the box, once: a key that came with the image would be everybody's. */
async function makeHostKey(places: Places): Promise<void> {
  const name = '/etc/ssh/ssh_host_ed25519_key';
  const kept = await placeBelow(places.settings, name);
  if (!(await exists(kept))) {
    // Beside its place, since power may fail while it is written; the secret half gets its name last.
    const fresh = `${kept}.new`;
    await rm(fresh, { force: true });
    await rm(`${fresh}.pub`, { force: true });
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'redbutton', '-f', fresh]);
    await writeDurably(`${kept}.pub`, await readFile(`${fresh}.pub`));
    await writeDurably(kept, await readFile(fresh), 0o600);
    await rm(fresh);
    await rm(`${fresh}.pub`);
  }
  const placed = await placeBelow(places.root, name);
  await writeDurably(`${placed}.pub`, await readFile(`${kept}.pub`));
  await writeDurably(placed, await readFile(kept), 0o600);
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
