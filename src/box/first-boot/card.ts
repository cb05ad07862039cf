import { constants } from 'node:fs';
import { open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder, writeDurably } from '../../adapters/files/durable-file.js';
import { messageOf } from '../../core/errors.js';
import { wipeFreeSpace } from './free-space.js';

const CARD_FILE = 'redbutton.toml';
const ERRORS_FILE = 'redbutton-errors.txt';
const REMINDER_FILE = 'redbutton-applied.toml';

/** Owner's files on the card's FAT partition, which any computer can read and write. */
export class Card {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The owner's file; null where there is none. */
  read(): Promise<Buffer | null> {
    return readFile(this.#at(CARD_FILE)).catch(nullIfAbsent);
  }

  /** Overwrites the owner's file with zeros, then removes it, so that the secrets are not left in free sectors. */
  async wipe(): Promise<void> {
    // Without O_TRUNC: the zeros must fall on the sectors that hold the text.
    const handle = await open(this.#at(CARD_FILE), constants.O_WRONLY).catch(nullIfAbsent);
    if (handle === null) return;
    try {
      const { size } = await handle.stat();
      await handle.write(Buffer.alloc(size), 0, size, 0);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rm(this.#at(CARD_FILE));
    await syncFolder(this.#folder);
  }

  /** Overwrites what is free, where earlier versions of the file may be. What went wrong; null when nothing did. */
  wipeFree(): Promise<string | null> {
    return wipeFreeSpace(this.#folder).then(() => null, messageOf);
  }

  async reportMistakes(mistakes: readonly string[]): Promise<void> {
    const count = mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`;
    const lines = [
      `redbutton.toml was not applied: ${count}.`,
      ...mistakes.map((mistake) => `  ${mistake}`),
      'Fix all of them in redbutton.toml on this card, put it back and start the box again.',
      '',
    ];
    // Windows' editor shows lines that end its way.
    await writeDurably(this.#at(ERRORS_FILE), lines.join('\r\n'));
  }

  async leaveReminder(text: string): Promise<void> {
    await writeDurably(this.#at(REMINDER_FILE), text);
    await rm(this.#at(ERRORS_FILE), { force: true });
    await syncFolder(this.#folder);
  }

  #at(name: string): string {
    return path.join(this.#folder, name);
  }
}

function nullIfAbsent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
