import { messageOf } from '../../core/errors.js';
import type { Clock } from '../../ports/time.js';
import type { AlertLog } from '../alert-delivery/alert-log.js';
import { excerpt, type Incoming, readCommand } from './commands.js';
import { createCountedLines } from './counted-lines.js';

export interface HaltInboxOptions {
  readonly haltTopic: string;
  readonly clock: Clock;
  readonly log: AlertLog;
  /** Resolves once the box is halted, whatever becomes of this process then. `again`: the message was delivered before. */
  readonly onHalt: (again: boolean) => void | Promise<void>;
  /** Called for the first stored message of this process; `reason` completes "a command over MQTT was ignored: …". */
  readonly onIgnored: (reason: string) => void;
}

export interface HaltInbox {
  /** Resolves once the message may be acknowledged; rejects where its halt was not carried out. */
  receive(message: Incoming): void | Promise<void>;
  stop(): void;
}

/** Takes what comes in on the halt topic: halts first, and then writes a line, at most one a minute. */
export function createHaltInbox(options: HaltInboxOptions): HaltInbox {
  const { haltTopic, log } = options;
  const lines = createCountedLines(options.clock);
  let toldStored = false;

  async function halt(again: boolean): Promise<void> {
    try {
      await options.onHalt(again);
    } catch (error) {
      const detail = messageOf(error);
      lines.happened('failed', (times) =>
        log.error(
          { errorCode: 'E_MQTT_HALT', detail, times },
          'a halt came in over MQTT and could not be carried out: press the red button',
        ),
      );
      throw error;
    }
  }

  return {
    receive(message) {
      const command = readCommand(haltTopic, message);
      const shown = { bytes: message.bytes, payload: excerpt(message.payload) };
      if (command === 'halt') {
        const taken = halt(message.again);
        lines.happened('halt', (times) =>
          log.info(
            { ...shown, times, topic: excerpt(message.topic.slice(haltTopic.length)) },
            times === 1
              ? 'a halt came in over MQTT'
              : `${times} more halts came in over MQTT within a minute`,
          ),
        );
        return taken;
      }
      if (command === 'stored' && !toldStored) {
        toldStored = true;
        log.warn(
          { errorCode: 'E_MQTT_COMMAND', ...shown },
          'a command over MQTT was ignored: the broker kept it from before we connected (retained)',
        );
        options.onIgnored('it is an old one that the broker keeps (retained)');
      }
    },
    stop: () => lines.flush(),
  };
}
