import { loadAddon } from './addon.js';

interface SocketAddon {
  /** Throws an Error where the descriptor is no TCP socket. */
  resetOnClose(descriptor: number, ackMsMax: number): void;
}

/**
 * However this TCP socket is closed, also by a SIGKILL, it ends in a reset and takes what is not yet sent with it; where the
 * peer acknowledges nothing for `ackMsMax` milliseconds the kernel closes it. Throws where the descriptor is no TCP socket,
 * or the addon does not load (`E_NATIVE_MISSING`).
 */
export function resetOnClose(descriptor: number, ackMsMax: number): void {
  loadAddon<SocketAddon>(['resetOnClose']).resetOnClose(descriptor, ackMsMax);
}
