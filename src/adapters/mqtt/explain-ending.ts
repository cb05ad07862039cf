import { messageOf, RedbuttonError } from '../../core/errors.js';
import type { Ending } from './endings.js';

export interface Explanation {
  /** One word a cause: each is reported once in a while. */
  readonly reason: string;
  readonly sentence: string;
  readonly remedy: string;
}

/** With whom, and in which version of MQTT, a connection was tried. */
export interface Peer {
  readonly broker: string;
  readonly protocolVersion: 4 | 5;
}

type Ended = Omit<Ending, 'atMs'>;

const codes = (...all: unknown[]): ReadonlySet<unknown> => new Set(all);

// Return codes of MQTT 3.1.1 (section 3.2.2.3) and reason codes of MQTT 5 (section 2.4): no number of theirs has two meanings.
const OTHER_VERSION = codes(1, 132);
const CLIENT_ID = codes(2, 133);
const NOT_NOW = codes(3, 136, 137, 139, 147, 150, 151, 152, 159, 160);
const NOT_LET_IN = codes(4, 5, 134, 135, 138, 140);
const TOPIC = codes(135, 144);
const TAKEN_OVER = 142;
const TOO_LARGE = 149;
const CANNOT_DO = codes(154, 155);
const UNKNOWN_NAME = codes('ENOTFOUND', 'EAI_AGAIN');
const UNREACHABLE = codes('ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT');
const CLOSED = codes('CLOSED', 'ECONNRESET', 'EPIPE');

/** Why a connection ended, and what a person can do about it. */
export function explainEnding(ended: Ended, peer: Peer): Explanation {
  const { error, upMs, waitingTopic } = ended;
  const code = (error as { code?: unknown } | null)?.code;
  if (error instanceof RedbuttonError) {
    return { reason: error.code, sentence: error.message, remedy: `To fix it: ${error.remedy}.` };
  }
  if (OTHER_VERSION.has(code)) return otherVersion(peer);
  const overTopic = upMs !== null && waitingTopic !== null ? overMessage(code, waitingTopic, peer) : null;
  return (
    overTopic ??
    refusal(code, peer.broker) ??
    noLine(code, peer.broker) ??
    noAnswer(code, messageOf(error), upMs !== null, peer) ?? {
      reason: 'lost',
      sentence: `no connection to the broker ${peer.broker}`,
      remedy:
        'The box keeps trying; if this lasts, see the broker’s own log, and let no second box run from a copy of this one’s card.',
    }
  );
}

function otherVersion({ broker, protocolVersion }: Peer): Explanation {
  return protocolVersion === 5
    ? {
        reason: 'version',
        sentence: `the broker ${broker} does not speak MQTT 5`,
        remedy: 'Set mqtt.protocolVersion = 4, which is MQTT 3.1.1.',
      }
    : {
        reason: 'version',
        sentence: `the broker ${broker} does not speak MQTT 3.1.1`,
        remedy: 'Leave mqtt.protocolVersion out, or set it to 5.',
      };
}

/** A connection that was up, and ended while a message waited for its acknowledgement. */
function overMessage(code: unknown, topic: string, { broker }: Peer): Explanation | null {
  if (code === TOO_LARGE) {
    return {
      reason: `size:${topic}`,
      sentence: `the broker ${broker} takes no message as large as that on ${topic}`,
      remedy: 'Raise the broker’s packet limit (mosquitto: max_packet_size).',
    };
  }
  if (TOPIC.has(code)) {
    return {
      reason: `topic:${topic}`,
      sentence: `the broker ${broker} forbids what this box publishes on ${topic}`,
      remedy: 'Allow writing it in the broker’s access list.',
    };
  }
  if (!CLOSED.has(code)) return null;
  return {
    reason: `over:${topic}`,
    sentence: `the broker ${broker} closed the connection while a message on ${topic} waited for its acknowledgement`,
    remedy:
      'The box keeps trying; if this lasts, the broker forbids that topic or takes no message as large: see its access list, its packet limit and its log.',
  };
}

function refusal(code: unknown, broker: string): Explanation | null {
  if (NOT_LET_IN.has(code)) {
    return {
      reason: 'refused',
      sentence: `the broker ${broker} refuses user or password`,
      remedy: 'Check the credentials mqtt-username and mqtt-password, and the broker’s own list of users.',
    };
  }
  if (code === TAKEN_OVER) {
    return {
      reason: 'taken-over',
      sentence: `another client connected to ${broker} under this box’s client id`,
      remedy:
        'The box takes another id. If a second box runs from a copy of this one’s card, give it a device.name and a state folder of its own; if that was not you, change the broker’s passwords.',
    };
  }
  if (CLIENT_ID.has(code)) {
    return {
      reason: 'client-id',
      sentence: `the broker ${broker} refuses the box’s client id`,
      remedy: 'Allow ids that begin with "redbutton-" in the broker’s settings.',
    };
  }
  if (code === TOO_LARGE) {
    return {
      reason: 'size',
      sentence: `the broker ${broker} takes no packet as large as the box sends`,
      remedy: 'Raise the broker’s packet limit (mosquitto: max_packet_size).',
    };
  }
  if (CANNOT_DO.has(code)) {
    return {
      reason: 'retain',
      sentence: `the broker ${broker} takes no retained messages, or none at QoS 1`,
      remedy: 'Allow them in its settings, or use another broker: docs/alerts.md.',
    };
  }
  return NOT_NOW.has(code)
    ? {
        reason: `not-now:${String(code)}`,
        sentence: `the broker ${broker} is there, but takes no connection now`,
        remedy: 'The box keeps trying; if this lasts, see the broker’s own limits and log.',
      }
    : null;
}

function noLine(code: unknown, broker: string): Explanation | null {
  if (UNKNOWN_NAME.has(code)) {
    return {
      reason: 'name',
      sentence: `the broker’s name in ${broker} is not known here`,
      remedy: 'Check mqtt.url and the network’s name service.',
    };
  }
  return UNREACHABLE.has(code)
    ? {
        reason: String(code),
        sentence: `the broker ${broker} cannot be reached (${code})`,
        remedy: 'Check that it runs, and mqtt.url, port and firewall.',
      }
    : null;
}

function noAnswer(code: unknown, text: string, wasUp: boolean, peer: Peer): Explanation | null {
  const { broker, protocolVersion } = peer;
  if (isTlsError(code, text)) {
    return {
      reason: `tls:${String(code)}`,
      sentence: `no trusted TLS connection to the broker ${broker} (${typeof code === 'string' ? code : 'TLS error'})`,
      remedy:
        'Check mqtt.caFile, the date of the broker’s certificate, that it names this host, that the port is one for TLS, and a client certificate if the broker asks for one.',
    };
  }
  if (wasUp) return null;
  if (CLOSED.has(code)) {
    const version = protocolVersion === 5 ? '; a broker without MQTT 5 needs mqtt.protocolVersion = 4' : '';
    return {
      reason: 'closed',
      sentence: `the broker ${broker} closed the connection without an answer`,
      remedy: `Check the port in mqtt.url, and whether it is one for TLS (mqtts://)${version}.`,
    };
  }
  if (/connack timeout/i.test(text)) {
    return {
      reason: 'silent',
      sentence: `the broker ${broker} takes the connection, but does not answer`,
      remedy: 'Check the port in mqtt.url, and the broker’s own log.',
    };
  }
  return code === undefined && text !== ''
    ? {
        reason: 'no-mqtt',
        sentence: `what answers at ${broker} does not speak MQTT as it should`,
        remedy: 'Check host and port in mqtt.url.',
      }
    : null;
}

function isTlsError(code: unknown, text: string): boolean {
  return (
    (typeof code === 'string' &&
      /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|EPROTO|ERR_OSSL)/.test(code)) ||
    /certificate|ssl|tls/i.test(text)
  );
}
