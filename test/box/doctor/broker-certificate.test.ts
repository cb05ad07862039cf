// @module-tag processes

import { hostname } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { brokerCertificate } from '../../../src/box/doctor/broker-certificate.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';

describe.skipIf(!mosquittoInstalled())('the certificate of a broker on this machine', () => {
  let broker: Mosquitto;
  beforeAll(async () => {
    broker = await createMosquitto({ tls: true, names: 'DNS:localhost,DNS:Kitchen-pi,DNS:kitchen-pi.local' });
    await broker.start();
  });
  afterAll(() => broker.dispose());

  it('names this machine, or the doctor says what is missing and what to run', async () => {
    expect(await brokerCertificate(broker.url, 'kitchen-pi')).toMatchObject({ verdict: 'ok' });
    expect(await brokerCertificate(broker.url, 'renamed-pi')).toMatchObject({
      verdict: 'warning',
      detail: expect.stringContaining('lacks renamed-pi and renamed-pi.local'),
      remedy: expect.stringContaining('setup-broker --refresh'),
    });
    expect(await brokerCertificate(broker.url)).toMatchObject({
      verdict: hostname() === 'localhost' ? expect.any(String) : 'warning',
    });
  });

  it('that cannot be seen is a fault with a remedy', async () => {
    expect(await brokerCertificate('mqtts://127.0.0.1:1')).toMatchObject({ verdict: 'failed' });
  });
});
