import { hostname } from 'node:os';
import { connect } from 'node:tls';
import { messageOf } from '../../core/errors.js';
import { type Finding, failed, ok, warning } from './finding.js';

const NAME = 'broker names';
const TIMEOUT_MS = 5_000;

/**
 * Whether the certificate of the broker on this machine names what a phone calls it: a box that was renamed after its
 * broker was set up is refused by every phone that verifies. Whether it is trusted is for the round trip to say.
 */
export async function brokerCertificate(url: string, host = hostname()): Promise<Finding> {
  let names: readonly string[];
  try {
    names = await namesAt(url);
  } catch (error) {
    return failed(
      NAME,
      `the certificate of ${url} cannot be seen: ${messageOf(error)}`,
      'see whether mosquitto runs',
    );
  }
  const missing = [host, `${host}.local`].filter((name) => !names.includes(name.toLowerCase()));
  return missing.length === 0
    ? ok(NAME, `the broker's certificate names ${host} and ${host}.local`)
    : warning(
        NAME,
        `the broker's certificate lacks ${missing.join(' and ')}: a phone that uses such a name is refused, and its halt with it`,
        'run sudo scripts/setup-broker --refresh',
      );
}

function namesAt(url: string): Promise<string[]> {
  const { hostname: host, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: host.replace(/^\[|\]$/g, ''),
      port: port === '' ? 8883 : Number(port),
      rejectUnauthorized: false,
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error('it does not answer')));
    socket.once('error', reject);
    socket.once('secureConnect', () => {
      const { subjectaltname = '' } = socket.getPeerCertificate();
      socket.destroy();
      resolve(subjectaltname.split(', ').map((name) => name.replace(/^[^:]*:/, '').toLowerCase()));
    });
  });
}
