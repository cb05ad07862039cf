import { brokerIsHere } from '../../adapters/mqtt/broker-place.js';
import { sendTestAlerts } from '../../adapters/mqtt/index.js';
import { type Alert, createAlertIds, createAlerts } from '../../core/alert.js';
import { ALERT_CATALOGUE } from '../../core/alert-catalogue.js';
import { brokerCertificate } from './broker-certificate.js';
import { type Check, type Finding, failed, findingOf, ok, type Patient, warning } from './finding.js';

const TIMEOUT_MS = 8_000;

/** The ways to the phone: the broker with a message there and back, where it stands, and ntfy's topic. */
export const alertWays: Check = {
  name: 'alerts',
  async look(patient) {
    const { alerts, mqtt } = patient.config;
    const findings: Finding[] = [];
    if (alerts.sinks.includes('ntfy')) findings.push(ntfyFinding(patient));
    if (mqtt.url === undefined) {
      if (!alerts.sinks.includes('ntfy'))
        findings.push(
          warning(
            'broker',
            'mqtt.url is not set: no alert leaves this box',
            'set up a way to the phone: docs/alerts.md',
          ),
        );
      return findings;
    }
    const isHere = await brokerIsHere(mqtt.url);
    findings.push(await roundTrip(patient, mqtt.url), placeFinding(isHere));
    if (isHere && mqtt.url.startsWith('mqtts://')) findings.push(await brokerCertificate(mqtt.url));
    if (mqtt.url.startsWith('mqtt://') && !isHere) {
      findings.push(
        warning(
          'broker TLS',
          `${mqtt.url} is not encrypted: the password crosses the network in the clear`,
          'use mqtts:// (scripts/setup-broker sets it up)',
        ),
      );
    }
    return findings;
  },
};

function ntfyFinding({ credential, config, credentialsDir }: Patient): Finding {
  try {
    return credential('ntfy-topic') === undefined
      ? failed('ntfy', 'is a sink, but has no topic', `put one into ${credentialsDir}/ntfy-topic`)
      : ok('ntfy', `has a topic at ${config.ntfy.url}`);
  } catch (error) {
    return findingOf('ntfy', error);
  }
}

/** A box that is dead cannot say so: the broker's last will does, where the broker is elsewhere. */
function placeFinding(isHere: boolean): Finding {
  if (!isHere) return ok('last will', 'the broker is on another machine: it will report when the box dies');
  return warning(
    'last will',
    'the broker is on this box and dies with it: nothing would report that the box is dead',
    'use a broker elsewhere (docs/alerts.md, "Which broker"), or watch the age of state',
  );
}

/** One test alert to the broker and its acknowledgement, from a client of its own beside the service. */
async function roundTrip(patient: Patient, url: string): Promise<Finding> {
  const { clock, config } = patient;
  try {
    const username = patient.credential('mqtt-username')?.reveal();
    const password = patient.credential('mqtt-password');
    const [result] = await sendTestAlerts({
      config: config.mqtt,
      credentials: {
        ...(username === undefined ? {} : { username }),
        ...(password === undefined ? {} : { password }),
      },
      device: config.device.name,
      clientSuffix: `doctor-${process.pid}`,
      alerts: patient.quick ? [] : [await testAlert(patient)],
      clock,
      timeoutMs: TIMEOUT_MS,
    });
    if (result === undefined) return ok('broker', `${url} accepts the box’s login`);
    const tookMs = `${result.acknowledgedAfterMs.toFixed(0)} ms`;
    return result.heard === false
      ? warning(
          'broker',
          `${url} acknowledged a test alert after ${tookMs}, but no one is subscribed`,
          'subscribe the phone: docs/alerts.md',
        )
      : ok('broker', `${url} acknowledged a test alert after ${tookMs}`);
  } catch (error) {
    return findingOf('broker', error);
  }
}

async function testAlert({ config, clock }: Patient): Promise<Alert> {
  const alerts: Alert[] = [];
  const collect = { raise: async (alert: Alert) => void alerts.push(alert) };
  const ids = createAlertIds(config.device.name, clock, { next: Math.random });
  await createAlerts(ALERT_CATALOGUE, clock, collect, ids).raise('TEST_INFO', {});
  return alerts[0]!;
}
