import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Why the file `second` is no second place for the record `first`: both lie on one file system, and would be lost with it.
 * Null where they do not, and where one of them cannot be looked at, which is told by whoever reads it.
 */
export async function whyNotApart(first: string, second: string): Promise<string | null> {
  const device = (file: string) =>
    stat(file).then(
      ({ dev }) => dev,
      () => null,
    );
  const [ofFirst, ofSecond] = await Promise.all([device(dirname(first)), device(second)]);
  if (ofFirst === null || ofSecond === null || ofFirst !== ofSecond) return null;
  return `the second record ${second} lies on the same file system as the first: a halt that this file system loses is lost`;
}
