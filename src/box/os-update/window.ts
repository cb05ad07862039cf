/** Why the system is not updated now; each is tried again at the timer's next turn. */
export type Refusal =
  | { readonly reason: 'outside_window'; readonly detail: string }
  | { readonly reason: 'positions_open'; readonly detail: string }
  | { readonly reason: 'trader_silent'; readonly detail: string };

export interface WindowQuestion {
  /** Local hour, 0 to 23. */
  readonly hour: number;
  /** First hour of the window, and the first after it; equal: always. May span midnight. */
  readonly fromHour: number;
  readonly toHour: number;
  /** Units by symbol as the trader tells them; null: it does not answer. */
  readonly positions: Readonly<Record<string, number | null>> | null;
}

/**
 * Whether the box may be started again: within the window, and flat. A position whose size is not known counts as open,
 * and a trader that does not answer as one that may hold some.
 */
export function refusalOf(question: WindowQuestion): Refusal | null {
  const { hour, fromHour, toHour, positions } = question;
  const inside =
    fromHour === toHour ||
    (fromHour < toHour ? hour >= fromHour && hour < toHour : hour >= fromHour || hour < toHour);
  if (!inside) {
    return {
      reason: 'outside_window',
      detail: `it is ${hour} h, and the window is ${fromHour} h to ${toHour} h`,
    };
  }
  if (positions === null) return { reason: 'trader_silent', detail: 'the trader does not say what it holds' };
  const open = Object.entries(positions).filter(([, units]) => units !== 0);
  if (open.length === 0) return null;
  return { reason: 'positions_open', detail: open.map(([symbol]) => symbol).join(', ') };
}

/** Packages that `apt-get --simulate` would bring: name and new version, of its lines `Inst NAME [OLD] (NEW …)`. */
export function upgradesIn(simulation: string): readonly string[] {
  return [...simulation.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+)/gm)].map(
    ([, name, to]) => `${name} ${to}`,
  );
}
