import { mkdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { badInput } from '../../core/errors.js';

/**
 * Where `file`, absolute on the box, is written below `base`; its folder is made. Throws `E_CARD_ROOT` where a link leads out
 * of `base`: what prepares another system must not write to this one.
 */
export async function placeBelow(base: string, file: string): Promise<string> {
  const target = path.join(base, file);
  const folder = path.dirname(target);
  if (path.resolve(base) !== '/') await mustBeBelow(base, folder);
  await mkdir(folder, { recursive: true });
  return target;
}

async function mustBeBelow(base: string, folder: string): Promise<void> {
  await mkdir(base, { recursive: true });
  const real = await realpath(base);
  let found: string | null = null;
  for (let at = folder; found === null; at = path.dirname(at)) found = await realpath(at).catch(nullIfAbsent);
  if (found !== real && !found.startsWith(real + path.sep))
    throw badInput(
      'E_CARD_ROOT',
      `${folder} is a link that leads out of ${base}, to ${found}`,
      'give a root whose links are relative, or work inside it (chroot)',
    );
}

function nullIfAbsent(error: unknown): null {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
  throw error;
}
