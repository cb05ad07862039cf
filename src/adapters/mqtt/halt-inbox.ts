import { messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import { excerpt, type Incoming, readCommand } from './commands.js';
import { type CountedLines, createCountedLines } from './counted-lines.js';

export interface HaltInboxOptions {
  readonly haltTopic: string;
  readonly clock: Clock;
  readonly log: AlertLog;
  /** Resolves once the box is halted, whatever becomes of this process then. `again`: the message was delivered before. */
  readonly onHalt: (again: boolean) => void | Promise<void>;
  /** Called for the first stored message of this process; `reason` completes "a command over MQTT was ignored: …". */
  readonly onIgnored: (reason: string) => void;
}

/** Takes what comes in on the halt topic: halts first, and then writes a line, at most one a minute. */
export class HaltInbox {
  readonly #options: HaltInboxOptions;
  readonly #lines: CountedLines;
  #reportedStored = false;

  constructor(options: HaltInboxOptions) {
    this.#options = options;
    this.#lines = createCountedLines(options.clock);
  }

  /** Resolves once the message may be acknowledged; rejects where its halt was not carried out. */
  receive(message: Incoming): void | Promise<void> {
    const command = readCommand(this.#options.haltTopic, message);
    const shown = { bytes: message.bytes, payload: excerpt(message.payload) };
    if (command === 'halt') {
      const taken = this.#halt(message.again);
      this.#countHalt(message.topic, shown);
      return taken;
    }
    if (command === 'stored') this.#reportStored(shown);
  }

  stop(): void {
    this.#lines.flush();
  }

  async #halt(again: boolean): Promise<void> {
    try {
      await this.#options.onHalt(again);
    } catch (error) {
      const detail = messageOf(error);
      this.#lines.happened('failed', (times) =>
        this.#options.log.error(
          { errorCode: 'E_MQTT_HALT', detail, times },
          'a halt came in over MQTT and could not be carried out: press the red button',
        ),
      );
      throw error;
    }
  }

  #countHalt(topic: string, shown: object): void {
    const { haltTopic, log } = this.#options;
    this.#lines.happened('halt', (times) =>
      log.info(
        { ...shown, times, topic: excerpt(topic.slice(haltTopic.length)) },
        times === 1 ? 'a halt came in over MQTT' : `${times} more halts came in over MQTT within a minute`,
      ),
    );
  }

  #reportStored(shown: object): void {
    if (this.#reportedStored) return;
    this.#reportedStored = true;
    this.#options.log.warn(
      { errorCode: 'E_MQTT_COMMAND', ...shown },
      'a command over MQTT was ignored: the broker kept it from before we connected (retained)',
    );
    this.#options.onIgnored('it is an old one that the broker keeps (retained)');
  }
}
