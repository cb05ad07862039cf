import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CardSettings, readCardFile } from '../../../src/box/first-boot/card-file.js';
import { systemFilesOf } from '../../../src/box/first-boot/system-files.js';
import { parseConfig } from '../../../src/config/load.js';

const KEY = `ssh-ed25519 ${'A'.repeat(68)} owner@laptop`;
const WHOLE = `
timeframe = "1h"

[[exchange]]
id = "binance"
symbols = ["BTC/USDT", "ETH/USDT"]

[mqtt]
url = "mqtts://broker.example:8883"

[box]
hostname = "kitchen"
timeZone = "Europe/Berlin"
timeServers = ["10.0.2.2"]

[box.wifi]
name = "IEEE"
password = "password"
country = "DE"

[box.ssh]
keys = ["${KEY}"]

[box.credentials]
mqtt-username = "box"
mqtt-password = "hunter2hunter2"
`;

function settingsOf(text: string, configured = false): CardSettings {
  const reading = readCardFile(text, configured);
  if ('mistakes' in reading) throw new Error(reading.mistakes.join('\n'));
  return reading.settings;
}

function mistakesOf(text: string, configured = false): readonly string[] {
  const reading = readCardFile(text, configured);
  return 'mistakes' in reading ? reading.mistakes : [];
}

const contentOf = (settings: CardSettings, path: string) =>
  systemFilesOf(settings).files.find((file) => file.path === path)?.content;

describe("the card's file", () => {
  it('becomes files of the system, and a configuration the trader takes', () => {
    const settings = settingsOf(WHOLE);
    const { files, links } = systemFilesOf(settings);
    expect(files.map(({ path, mode, keep }) => [path, mode.toString(8), keep])).toEqual([
      ['/etc/hostname', '644', 'settings'],
      ['/etc/hosts', '644', 'settings'],
      ['/etc/timezone', '644', 'settings'],
      ['/etc/systemd/timesyncd.conf.d/redbutton.conf', '644', 'settings'],
      ['/etc/wpa_supplicant/wpa_supplicant-wlan0.conf', '600', 'settings'],
      ['/etc/ssh/authorized_keys/owner', '644', 'settings'],
      ['/etc/redbutton/credentials/mqtt-username', '600', 'state'],
      ['/etc/redbutton/credentials/mqtt-password', '600', 'state'],
      ['/etc/redbutton/redbutton.toml', '644', 'state'],
    ]);
    expect(links).toEqual([{ path: '/etc/localtime', target: '../usr/share/zoneinfo/Europe/Berlin' }]);
    const config = parseConfig(contentOf(settings, '/etc/redbutton/redbutton.toml')!, 'written');
    expect(config.exchange[0]!.symbols).toEqual(['BTC/USDT', 'ETH/USDT']);
    expect(config.mqtt.url).toBe('mqtts://broker.example:8883');
  });

  it('derives the key of the Wi-Fi as the standard has it', () => {
    // IEEE 802.11-2020, J.4.2, test vector 1.
    const conf = contentOf(settingsOf(WHOLE), '/etc/wpa_supplicant/wpa_supplicant-wlan0.conf');
    expect(conf).toContain('psk=f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e');
    expect(conf).toContain(`ssid=${Buffer.from('IEEE').toString('hex')}`);
    expect(conf).not.toContain('password');
  });

  it('leaves no secret in the reminder, which can be applied again', () => {
    const { reminder } = settingsOf(WHOLE);
    for (const secret of ['hunter2hunter2', 'password =', 'wifi', 'f42c6f'])
      expect(reminder).not.toContain(secret);
    const again = settingsOf(reminder, true);
    expect(again.box.hostname).toBe('kitchen');
    expect(systemFilesOf(again).files.map((file) => file.path)).not.toContain(
      '/etc/wpa_supplicant/wpa_supplicant-wlan0.conf',
    );
  });

  it('tells all mistakes together, each with its place', () => {
    const mistakes = mistakesOf(`
mode = "paper"
tiemframe = "1h"
[[exchange]]
symbols = ["btc"]
[box]
timeZone = "Europe/Berln"
wfii = 1
[box.wifi]
name = ""
password = "short"
country = "Germany"
[box.ssh]
keys = ["-----BEGIN OPENSSH PRIVATE KEY-----"]
[box.credentials]
mqtt-pasword = "x"
binance-api-key = "two\\nlines"
`);
    const places = mistakes.map((mistake) => mistake.split(':')[0]).sort();
    expect(places).toEqual(
      [
        'box.credentials.binance-api-key',
        'box.credentials.mqtt-pasword',
        'box.ssh.keys[0]',
        'box.timeZone',
        'box.wfii',
        'box.wifi.country',
        'box.wifi.name',
        'box.wifi.password',
        'exchange[0].symbols[0]',
        'tiemframe',
      ].sort(),
    );
    expect(mistakes.join('\n')).not.toContain('short');
  });

  it('names the line of what is not TOML, and never quotes the file', () => {
    const [mistake] = mistakesOf('[box.credentials]\nmqtt-password = hunter2hunter2\n');
    expect(mistake).toMatch(/^the file is not TOML in line 2, column \d+: /);
    expect(mistake).not.toContain('hunter2');
  });

  it('refuses what the trader would refuse at its start', () => {
    expect(mistakesOf('mode = "live"\n[[exchange]]\nsymbols = ["BTC/USDT"]')[0]).toMatch(
      /liveAcknowledgement does not say/,
    );
    expect(mistakesOf('[[exchange]]\nsymbols = ["BTC/USDT", "BTC/EUR"]')[0]).toMatch(
      /quoted in USDT and EUR/,
    );
    expect(mistakesOf('')).toEqual([expect.stringMatching(/^exchange: /)]);
  });

  it('may bring one table alone once the box has a configuration', () => {
    const settings = settingsOf('[box]\ntimeZone = "UTC"', true);
    expect(settings.configuration).toBeNull();
    expect(systemFilesOf(settings).files.map((file) => file.path)).toEqual(['/etc/timezone']);
  });

  it('sets the broker on the box in the configuration, once', () => {
    const text = '[[exchange]]\nsymbols = ["BTC/USDT"]\n[box.broker]\nonBox = true\n';
    expect(parseConfig(settingsOf(text).configuration!, 'written').mqtt).toMatchObject({
      url: 'mqtts://localhost:8883',
      caFile: '/etc/redbutton/broker-ca.crt',
    });
    expect(mistakesOf(`${text}[mqtt]\nurl = "mqtts://x:8883"\n`)).toHaveLength(1);
    expect(mistakesOf('[box.broker]\nonBox = true', true)).toHaveLength(1);
  });

  it('is fine as it is shipped once its blanks are filled in', () => {
    const example = readFileSync(
      new URL('../../../image/boot/redbutton-example.toml', import.meta.url),
      'utf8',
    );
    expect(mistakesOf(example).length).toBeGreaterThan(0);
    // Every line that is commented out is tried too: a documented key must exist.
    const filled = example
      .replaceAll(/^#(?=[\w[-].*(?:=|\]))/gm, '')
      .replace('ssh-ed25519 AAAA… you@laptop', KEY)
      .replace('symbols = []', 'symbols = ["BTC/USDT"]')
      .replace(/^url = .*$\n/m, '');
    expect(mistakesOf(filled)).toEqual([]);
  });
});
