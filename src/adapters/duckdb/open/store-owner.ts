import { integer, type Session, text } from './session.js';

/** Whose a database is: of which box, and whose money it counts. */
export interface StoreOwner {
  /** `device.name`. */
  readonly box: string;
  readonly account: 'paper' | 'testnet' | 'live';
}

/**
 * Writes down whose the database is, where nobody has; a box that was renamed stays the same box. Where the database is handed
 * over `from` another box, that is written down too: what it proves of before was not proven here.
 */
export async function claim(session: Session, owner: StoreOwner, from: string | null, atMs: number) {
  const insert = (box: string, ms: number) =>
    session.run('INSERT INTO owners VALUES ($1, $2, $3)', [integer(ms), text(box), text(owner.account)]);
  const known = await session.rows('SELECT 1 AS one FROM owners LIMIT 1');
  if (from !== null) {
    if (known.length === 0) await insert(from, 0);
    await insert(owner.box, atMs);
  } else if (known.length === 0) await insert(owner.box, atMs);
  else
    await session.run(
      'UPDATE owners SET box = $1 WHERE box <> $1 AND at_ms = (SELECT max(at_ms) FROM owners)',
      [text(owner.box)],
    );
}
