import { readFileSync } from 'node:fs';

const FOLDER = new URL('../vectors/article/', import.meta.url);

/** Rows of a vector file as objects of text, by column. The files hold no quotes. */
export function articleRows(file: string): Record<string, string>[] {
  const [header = '', ...lines] = readFileSync(new URL(file, FOLDER), 'utf8').trim().split('\n');
  const columns = header.split(',');
  return lines.map((line) => {
    const values = line.split(',');
    return Object.fromEntries(columns.map((column, i) => [column, values[i] ?? '']));
  });
}

export function articleJson<T>(file: string): T {
  return JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as T;
}
