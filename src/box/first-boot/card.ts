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
export interface Card {
  /** The owner's file; null where there is none. */
  read(): Promise<Buffer | null>;
  /** Overwrites the owner's file with zeros, then removes it, so that the secrets are not left in free sectors. */
  wipe(): Promise<void>;
  /** Overwrites what is free, where earlier versions of the file may be. What went wrong; null when nothing did. */
  wipeFree(): Promise<string | null>;
  tellMistakes(mistakes: readonly string[]): Promise<void>;
  leaveReminder(text: string): Promise<void>;
}

export function openCard(folder: string): Card {
  const at = (name: string) => path.join(folder, name);
  return {
    read: () => readFile(at(CARD_FILE)).catch(nullIfAbsent),
    async wipe() {
      // Without O_TRUNC: the zeros must fall on the sectors that hold the text.
      const handle = await open(at(CARD_FILE), constants.O_WRONLY).catch(nullIfAbsent);
      if (handle === null) return;
      try {
        const { size } = await handle.stat();
        await handle.write(Buffer.alloc(size), 0, size, 0);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rm(at(CARD_FILE));
      await syncFolder(folder);
    },
    wipeFree: () => wipeFreeSpace(folder).then(() => null, messageOf),
    tellMistakes: (mistakes) =>
      writeDurably(
        at(ERRORS_FILE),
        // Windows' editor shows lines that end its way.
        [
          `redbutton.toml was not applied: ${mistakes.length === 1 ? '1 mistake' : `${mistakes.length} mistakes`}.`,
          ...mistakes.map((mistake) => `  ${mistake}`),
          'Mend them all in redbutton.toml on this card, put it back and start the box again.',
          '',
        ].join('\r\n'),
      ),
    async leaveReminder(text) {
      await writeDurably(at(REMINDER_FILE), text);
      await rm(at(ERRORS_FILE), { force: true });
      await syncFolder(folder);
    },
  };
}

function nullIfAbsent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
