import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { badInput, messageOf } from '../../core/errors.js';
import { writeDurably } from './durable-file.js';

/** Which of the models of a folder decides, and which ones did before, newest last. */
export interface Promotions {
  /** Name of the model's folder; null = the configured model. */
  readonly current: string | null;
  readonly before: readonly (string | null)[];
}

const NAME = 'promoted.json';
const KEPT = 20;
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/);
const schema: z.ZodType<Promotions> = z.strictObject({
  current: name.nullable(),
  before: z.array(name.nullable()),
});

/** Reads the note; where there is none the configured model decides. Throws `E_PROMOTED` where it is damaged. */
export async function readPromotions(root: string): Promise<Promotions> {
  const file = path.join(root, NAME);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, before: [] };
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw badInput(
      'E_PROMOTED',
      `${file} cannot be read: ${messageOf(error)}`,
      'remove it to go back to the configured model, or promote a model again',
      error,
    );
  }
}

/** Makes another model decide: durable, and seen whole or not at all. */
export async function promote(root: string, model: string | null): Promise<Promotions> {
  const { current, before } = await readPromotions(root);
  const next = { current: model, before: [...before, current].slice(-KEPT) };
  await writeDurably(path.join(root, NAME), `${JSON.stringify(next)}\n`);
  return next;
}

/** Goes back to the model that decided before. Throws `E_ROLLBACK` where there was none. */
export async function rollback(root: string): Promise<Promotions> {
  const { before } = await readPromotions(root);
  if (before.length === 0) {
    throw badInput('E_ROLLBACK', `no model was promoted in ${root}`, 'see redbutton model list');
  }
  const next = { current: before.at(-1) ?? null, before: before.slice(0, -1) };
  await writeDurably(path.join(root, NAME), `${JSON.stringify(next)}\n`);
  return next;
}
