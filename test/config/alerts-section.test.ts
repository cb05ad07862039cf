import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.js';

const base = '[[exchange]]\nsymbols = ["BTC/USDT"]\n';

describe('the alerts, mqtt and ntfy sections', () => {
  it('have defaults that need no broker', () => {
    const { alerts, mqtt, ntfy } = parseConfig(base, 'test');
    expect(alerts).toEqual({
      sinks: ['mqtt'],
      perCodeMax: 20,
      rateWindowMs: 600_000,
      backlogPerSecondMax: 20,
    });
    expect(mqtt).toMatchObject({
      keepaliveSeconds: 30,
      protocolVersion: 5,
      discoveryPrefix: 'homeassistant',
    });
    expect(ntfy.url).toBe('https://ntfy.sh');
  });

  it.each([
    ['[alerts]\nquietFrom = "22:30"\n', 'alerts.quietTo'],
    ['[alerts]\nquietFrom = "22:30"\nquietTo = "7 am"\n', 'alerts.quietTo'],
    ['[mqtt]\ncertFile = "box.crt"\n', 'mqtt.keyFile'],
    ['[mqtt]\ndiscoveryPrefix = "home/#"\n', 'mqtt.discoveryPrefix'],
    ['[mqtt]\nprotocolVersion = 3\n', 'mqtt.protocolVersion'],
    ['[ntfy]\nurl = "https://ntfy.sh/my-topic"\n', 'ntfy.url'],
  ])('%j is refused and %s named', (text, place) => {
    expect(() => parseConfig(base + text, 'test')).toThrow(place);
  });
});
