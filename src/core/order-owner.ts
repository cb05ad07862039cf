/** Some answer every id with this in front; no exchange that ccxt knows puts anything else before an id that was given. */
const DECORATION = /^t-(?=rb-)/i;
/** The device's name may hold hyphens, what follows it never does: the last hyphen ends the name, whatever the name is. */
const GRAMMAR = /^rb-(.+)-([a-z0-9]+)$/;

/** A client order id as it was given, without what the exchange has put in front of it. */
export function givenOrderId(clientOrderId: string): string {
  return clientOrderId.replace(DECORATION, '');
}

/**
 * Whether a client order id was given by the box of this name. The whole id is read: `rb-h2-2-…` is an order of box `h2-2`
 * and not of `h2`. Ids of all versions count, whatever width their time has, in either case of letters.
 */
export function isOrderOf(device: string, clientOrderId: string | undefined): boolean {
  const id = givenOrderId(clientOrderId ?? '').toLowerCase();
  return GRAMMAR.exec(id)?.[1] === device;
}
