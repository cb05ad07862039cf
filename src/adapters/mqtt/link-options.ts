import type { Clock, Rng } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import type { ClientId } from './client-id.js';
import type { Incoming } from './commands.js';
import type { MqttConfig, MqttCredentials } from './connect-options.js';
import type { LinkFailure } from './failure-notice.js';

/** Waiting times of the link; tests shorten them. */
export interface LinkTimes {
  readonly connectTimeoutMs: number;
  /** No PUBACK for this long means the connection is dead, whatever the keepalive thinks of it. */
  readonly ackTimeoutMs: number;
  readonly backoffFirstMs: number;
  readonly backoffMaxMs: number;
  /** Not connected for this long: everything is torn down and built again. */
  readonly watchdogMs: number;
}

export const LINK_TIMES: LinkTimes = {
  connectTimeoutMs: 10_000,
  ackTimeoutMs: 15_000,
  backoffFirstMs: 1000,
  backoffMaxMs: 60_000,
  watchdogMs: 120_000,
};

export interface LinkOptions {
  readonly url: string;
  readonly config: MqttConfig;
  readonly clientId: ClientId;
  readonly credentials: MqttCredentials;
  /** Topic of `online` and `offline`; undefined = an anonymous visit without session, will and availability. */
  readonly availabilityTopic: string | undefined;
  readonly subscriptions: readonly string[];
  /** Subscribed to once those are granted, and left out where the broker ends the connection over it. */
  readonly extraSubscriptions?: readonly string[];
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: AlertLog;
  readonly times: LinkTimes;
  readonly onUp: () => void;
  readonly onDown: () => void;
  /** The message is acknowledged once this resolves; where it rejects the broker keeps it and sends it again. */
  readonly onMessage: (message: Incoming) => void | Promise<void>;
  /** Another client uses our id, for certain or likely; we have taken another one. */
  readonly onTakenOver?: (certain: boolean) => void;
  /** The broker refuses what we publish on a topic, or ends the connection over it; called once for each, with its reason. */
  readonly onRefused?: (topic: string, reason: string | undefined) => void;
  /** A connection ended, or was not made. */
  readonly onFailure?: (failure: LinkFailure) => void;
}
