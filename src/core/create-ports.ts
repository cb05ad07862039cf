/**
 * The local ports of the connections that may carry a create request. Each epoch has a block of its own, so that the gate
 * in the kernel can let the present epoch's connections pass and keep every earlier one shut. The ports lie above the
 * range from which Linux gives out ports by itself (32768 to 60999), so nothing else has one by chance.
 */
export const CREATE_PORT_FIRST = 61_000;
/** Ports in a block. */
export const CREATE_PORTS = 32;
/** After this many epochs a block is used again. */
export const CREATE_PORT_BLOCKS = 31;
export const CREATE_PORT_LAST = CREATE_PORT_FIRST + CREATE_PORT_BLOCKS * CREATE_PORTS - 1;

/** First port of the block that belongs to the permit's `epoch`; the block has {@link CREATE_PORTS} ports. */
export function createPortsOf(epoch: number): number {
  return CREATE_PORT_FIRST + (epoch % CREATE_PORT_BLOCKS) * CREATE_PORTS;
}
