import type { Clock } from '../../ports/time.js';
import type { LinkOptions } from './link-options.js';

/** Nothing is sent for so long on a topic that the broker ends the connection over. */
const HELD_BACK_MS = 600_000;

/** Topics on which the broker refuses what this box publishes. */
export class RejectedTopics {
  readonly #clock: Clock;
  readonly #options: Pick<LinkOptions, 'log' | 'onRefused'>;
  readonly #heldUntilMs = new Map<string, number>();
  readonly #reported = new Set<string>();

  constructor(options: Pick<LinkOptions, 'clock' | 'log' | 'onRefused'>) {
    this.#clock = options.clock;
    this.#options = options;
  }

  isHeldBack(topic: string): boolean {
    return (this.#heldUntilMs.get(topic) ?? 0) > this.#clock.monotonicMs();
  }

  /** The broker ends the connection over it. */
  holdBack(topic: string, nowMs: number): void {
    this.#heldUntilMs.set(topic, nowMs + HELD_BACK_MS);
    this.report(topic);
  }

  /** Once for each topic. */
  report(topic: string, reason?: string): void {
    if (this.#reported.has(topic)) return;
    this.#reported.add(topic);
    this.#options.log.warn(
      { errorCode: 'E_MQTT_REFUSED', topic, reason },
      `the broker refuses what this box publishes on ${topic}${reason === undefined ? '' : ` (${reason})`}. Allow writing it in the broker’s access list, or raise its packet limit.`,
    );
    this.#options.onRefused?.(topic, reason);
  }
}
