import type { AlertLog } from '../alert-delivery/alert-log.js';

/** Connections that end, one after the other, while these topics are asked for: then they are the reason. */
const ENDED_TIMES = 2;

/** Topics asked for once the others are granted, and left out where the broker denies them or ends the connection over them. */
export class ExtraTopics {
  readonly #topics: readonly string[];
  readonly #log: AlertLog;
  #leftOut = false;
  #ended = 0;

  constructor(topics: readonly string[], log: AlertLog) {
    this.#topics = topics;
    this.#log = log;
  }

  /** What to ask for on a connection; empty where that does harm. */
  get wanted(): readonly string[] {
    return this.#leftOut ? [] : this.#topics;
  }

  /** The broker answered, and the connection lived. */
  answered(denied: boolean): void {
    this.#ended = 0;
    if (denied) this.#leaveOut();
  }

  /** The connection ended before the broker answered. */
  endedUnanswered(): void {
    this.#ended += 1;
    if (this.#ended >= ENDED_TIMES) this.#leaveOut();
  }

  #leaveOut(): void {
    if (this.#leftOut) return;
    this.#leftOut = true;
    this.#log.warn(
      { errorCode: 'E_MQTT_SUBSCRIBE', topics: this.#topics },
      'the broker does not let us subscribe below the halt topic: a halt with a slash at its end may not work. Allow reading it in its access list.',
    );
  }
}
