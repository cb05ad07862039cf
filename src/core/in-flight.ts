/** How old a signed request may be when an exchange takes it, where it has such a limit. Short, so that a delayed create dies on its way. */
export const RECV_WINDOW_MS = 2000;

/**
 * After this long, what was sent has arrived or never will: the trader may write until a second after the press (its
 * kernel repeats nothing for longer), and the exchange takes it for {@link RECV_WINDOW_MS} more. The one wait of every
 * rule that a second answer confirms: an order that is not found, a halt by the trader, a halt by the guard.
 */
export const IN_FLIGHT_MAX_MS = inFlightMaxMsOf(RECV_WINDOW_MS);

/** The same where an exchange may accept a request for so long after it left. */
export function inFlightMaxMsOf(acceptedForMs: number): number {
  return acceptedForMs + 1_500;
}
