import { describe, expect, it } from 'vitest';
import { readCardFile } from '../../src/box/first-boot/card-file.js';
import { parseConfig } from '../../src/config/load.js';

const base = 'symbols = ["BTC/USDT"]\n';
const withMqtt = (url: string) => `[[exchange]]\n${base}[mqtt]\nurl = ${JSON.stringify(url)}\n`;
const withNtfy = (url: string) => `[[exchange]]\n${base}[ntfy]\nurl = ${JSON.stringify(url)}\n`;
const withRelease = (url: string) => `[[exchange]]\n${base}[alerts]\nreleaseUrl = ${JSON.stringify(url)}\n`;
const withExchange = (rest: string, ws: string) =>
  `[[exchange]]\n${base}restUrl = ${JSON.stringify(rest)}\nwsUrl = ${JSON.stringify(ws)}\n`;

/** What the loader and the card's file say; they judge alike. */
function mistakeOf(text: string): string {
  const reading = readCardFile(text, false);
  const onCard = 'mistakes' in reading ? reading.mistakes.join('\n') : '';
  let loaded = '';
  try {
    parseConfig(text, 'box.toml');
  } catch (error) {
    loaded = (error as Error).message.split('\n').slice(1).join('\n').trim();
  }
  expect(onCard).toBe(loaded);
  return loaded;
}

describe('an address in the configuration', () => {
  it.each([
    ['mqtts://broker.example:88883', /^mqtt\.url: expected a port of 1 to 65535; there is no port 88883$/],
    ['mqtt://192.0.2.7:0', /there is no port 0$/],
    ['mqtt://192.0.2.7:65536', /no port 65536/],
    ['mqtt://192.0.2.7:abc', /^mqtt\.url: expected a port of 1 to 65535 after the colon$/],
    ['mqtt://192.0.2.7:-1883', /port/],
    ['mqtt://192.0.2.7:18 83', /blanks/],
    ['mqtt://192.0.2.7:1883.5', /port/],
    ['mqtt://192.0.2.7:', /port/],
    ['mqtt://user:hush', /port/],
    ['mqtt://my broker:1883', /^mqtt\.url: expected an address without blanks$/],
    ['mqtt://broker:1883 ', /blanks/],
    ['mqtt://bro\tker:1883', /blanks/],
    ['mqtt:// :1883', /blanks/],
    ['mqtt://:1883', /host/],
    ['mqtt://', /host/],
    ['mqtt://fe80::1:1883', /in brackets, as in mqtt:\/\/\[fd00::1\]:PORT$/],
    ['mqtt://2001:db8::7', /in brackets/],
    ['mqtt://[fe80::1%eth0]:1883', /zone/],
    ['mqtt://[broker]:1883', /IPv6/],
    ['mqtt://[fd00::1:1883', /host|IPv6/],
    ['mqtt://192.168.1:1883', /host/],
    ['mqtt://192.168.1.300:1883', /host/],
    ['mqtt://bücher.example:1883', /write xn--bcher-kva\.example$/],
    ['mqtt://-broker-:1883', /host/],
    ['mqtt://broker..local:1883', /host/],
    ['mqtt://brok%20er:1883', /host/],
    ['http://broker:1883', /expected mqtt:\/\/host:port/],
    ['broker:1883', /expected mqtt:\/\/host:port/],
    ['mqtt:/broker', /expected mqtt:\/\/host:port/],
    ['mqtt://me:hush@broker', /without user or password$/],
  ])('mqtt.url %j is refused, with the reason', (url, reason) => {
    expect(mistakeOf(withMqtt(url))).toMatch(reason);
    expect(mistakeOf(withMqtt(url))).not.toContain('hush');
  });

  it.each([
    'mqtt://localhost',
    'mqtts://broker.example:8883',
    'mqtts://broker.example./',
    'mqtt://my_nas:1883',
    'mqtt://192.168.1.20:1883',
    'mqtt://[fd00::1]:1883',
    'mqtts://[2001:db8::7]',
    'mqtt://3d-printer:65535',
    'mqtts://xn--bcher-kva.example:1',
    'mqtt://BROKER.local:1883',
  ])('mqtt.url %j is taken', (url) => {
    expect(mistakeOf(withMqtt(url))).toBe('');
  });

  it.each([
    [withNtfy('https://ntfy.example:443443'), /^ntfy\.url: .*no port 443443$/],
    [withNtfy('https://ntfy.example:0'), /^ntfy\.url: .*no port 0$/],
    [withNtfy('https://nt fy.example'), /^ntfy\.url: .*blanks/],
    [withNtfy('https://fd00::1'), /^ntfy\.url: .*brackets/],
    [withNtfy('https://192.168.1'), /^ntfy\.url: .*host/],
    [withNtfy('https://'), /^ntfy\.url: .*host/],
    [withNtfy('https://ntfy.sh/topic'), /^ntfy\.url: expected https:\/\/host/],
    [withNtfy('ntfy.sh'), /^ntfy\.url: expected https:\/\/host/],
    [withRelease('https://example.org:99999/latest'), /^alerts\.releaseUrl: .*no port 99999/],
    [withRelease('https://exa mple.org/latest'), /^alerts\.releaseUrl: .*blanks/],
    [withExchange('http://127.0.0.1:0', 'ws://127.0.0.1:8080'), /^exchange\[0\]\.restUrl: .*no port 0/],
    [withExchange('http://127.0.0.1:80', 'ws://127.0.0.1:abc'), /^exchange\[0\]\.wsUrl: .*port/],
    [withExchange('localhost:80', 'ws://127.0.0.1:80'), /^exchange\[0\]\.restUrl: expected http/],
  ])('%j is refused', (text, reason) => {
    expect(mistakeOf(text)).toMatch(reason);
  });

  it.each([
    withNtfy('https://ntfy.sh'),
    withNtfy('http://192.168.1.20:8090/'),
    withNtfy('https://[fd00::1]:8443'),
    withRelease('https://example.org/redbutton/latest?x=1'),
    withRelease('http://127.0.0.1:8000/latest'),
    withExchange('http://127.0.0.1:8080/api', 'ws://localhost:8081/ws'),
  ])('%j is taken', (text) => {
    expect(mistakeOf(text)).toBe('');
  });

  it.each([
    ['10.0.2.2', true],
    ['fd00::123', true],
    ['ptbtime1.ptb.de', true],
    ['10.0.2.2:123', false],
    ['10.0.2.300', false],
    ['time..example', false],
    ['my server', false],
    ['', false],
  ])('a time server %j: %s', (server, isTaken) => {
    const reading = readCardFile(`[box]\ntimeServers = [${JSON.stringify(server)}]\n`, true);
    expect('settings' in reading).toBe(isTaken);
  });
});
