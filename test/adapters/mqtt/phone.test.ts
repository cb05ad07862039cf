// @module-tag processes

import { expect, it } from 'vitest';
import { createMosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { say } from '../../brokers/phone.js';

it.skipIf(!mosquittoInstalled())(
  'a phone whose program ends without reading its message harms nobody else',
  async () => {
    // Given a mosquitto_pub that ends at once, over an option it does not know
    const broker = await createMosquitto();
    // When more is said to it than a pipe holds, then that is over, and no error goes unhandled
    await expect(
      say(broker, 'phone/ready', 'x'.repeat(2 ** 22), ['--no-such-option']),
    ).resolves.toBeUndefined();
    await broker.dispose();
  },
);
