// @module-tag processes

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { type Box, createBox, eventually } from './box.js';

describe.skipIf(!mosquittoInstalled())('a broker that asks for a client certificate', () => {
  let broker: Mosquitto;
  let box: Box | undefined;
  beforeEach(async () => {
    broker = await createMosquitto({ tls: true, clientCertificates: true });
    await broker.start();
  });
  afterEach(async () => {
    await box?.alerts.stop();
    await broker.dispose();
  });

  const boxWith = (more: { certFile: string; keyFile: string } | object) =>
    createBox(broker, {
      credentials: {},
      config: {
        url: broker.url,
        caFile: broker.caFile,
        keepaliveSeconds: 30,
        discoveryPrefix: '',
        ...more,
      },
    });

  it('lets in a box that shows one, without user and password', async () => {
    box = boxWith(broker.clientCertificate('box'));
    await box.alerts.start();
    await eventually('connected', () => box!.alerts.connected());
    expect(box.logged.filter((line) => line.level !== 'info')).toEqual([]);
    await box.raiser.raise('HALTED', { cause: 'a test' });
    await eventually('said so', () =>
      box!.logged.some((line) => line.fields.errorCode === 'E_ALERT_UNHEARD'),
    );
  });

  it('keeps out a box that shows none, which says what to look at', async () => {
    box = boxWith({});
    await box.alerts.start();
    await eventually('told', () => box!.logged.some((line) => line.level === 'warn'));
    expect(box.alerts.connected()).toBe(false);
    expect(box.logged.find((line) => line.level === 'warn')!.message).toMatch(/client certificate/);
  });

  it('takes up a certificate that is put there while it runs', async () => {
    const { certFile, keyFile } = broker.clientCertificate('box');
    const later = { certFile: certFile.replace('box', 'later'), keyFile: keyFile.replace('box', 'later') };
    box = boxWith(later);
    await box.alerts.start();
    await eventually('told', () => box!.logged.some((line) => line.message.includes('mqtt.certFile')));
    broker.clientCertificate('later');
    await eventually('connected', () => box!.alerts.connected());
  });
});
