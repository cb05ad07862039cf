import type { Socket } from 'node:net';
import { loadAddon } from '../native/addon.js';

/** Who stands at the other end of a unix socket: the process that connected, its user and its group at that moment. */
export interface Peer {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** Null where nobody can say. */
export type PeerReader = (socket: Socket) => Peer | null;

interface PeerAddon {
  peerCredentials(descriptor: number): Peer;
}

/** By the kernel's word, which no peer can forge. Null where the addon does not load or the socket is gone. */
export const peerOf: PeerReader = (socket) => {
  // Node has no public name for the descriptor of a socket.
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: number } | null };
  if (handle?.fd === undefined || handle.fd < 0) return null;
  try {
    return loadAddon<PeerAddon>(['peerCredentials']).peerCredentials(handle.fd);
  } catch {
    return null;
  }
};
