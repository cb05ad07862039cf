import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readCardBytes } from '../../../src/box/first-boot/card-bytes.js';
import { readCardFile } from '../../../src/box/first-boot/card-file.js';
import { systemFilesOf } from '../../../src/box/first-boot/system-files.js';
import { TimeZones, zonesBelow, zonesOfImage } from '../../../src/box/first-boot/time-zones.js';
import { loadConfig } from '../../../src/config/load.js';

const TRADE = '[[exchange]]\nsymbols = ["BTC/USDT"]\n';
const wifi = (line: string) =>
  `${TRADE}[box.wifi]\nname = "net"\npassword = "geheimes wort"\ncountry = "DE"\n`.replace(
    new RegExp(`^${line.split(' ')[0]} = .*$`, 'm'),
    line,
  );

function mistakesOf(text: string | Uint8Array, configured = false, zones = zonesOfImage()): string {
  const reading =
    typeof text === 'string' ? readCardFile(text, configured, zones) : readCardBytes(text, configured, zones);
  return 'mistakes' in reading ? reading.mistakes.join('\n') : '';
}

function linkOf(zone: string, zones = zonesOfImage()): string {
  const reading = readCardFile(`${TRADE}[box]\ntimeZone = ${JSON.stringify(zone)}\n`, false, zones);
  if ('mistakes' in reading) return reading.mistakes.join('\n');
  expect(reading.settings.reminder).toContain(`timeZone = "${reading.settings.box.timeZone}"`);
  return systemFilesOf(reading.settings).links[0]!.target.replace('../usr/share/zoneinfo/', '');
}

const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-card-values-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("letters of the card's file", () => {
  const cp1252 = (text: string) => Buffer.from(text, 'latin1');
  const umlaut = wifi('name = "Müllers WLAN"');

  it('have to be UTF-8: the line of one that is not is named', () => {
    expect(mistakesOf(cp1252(umlaut))).toBe(
      'line 4 is not UTF-8, so letters in it cannot be read: save it as UTF-8',
    );
    expect(mistakesOf(cp1252(`# Küche\r\n${umlaut}# Büro\r\n`))).toMatch(/^lines 1, 5, 8 are not UTF-8/);
    expect(mistakesOf(cp1252('ü\n'.repeat(9)))).toMatch(/^lines 1, 2, 3, 4, 5 and others are not UTF-8/);
    expect(mistakesOf(Buffer.from(umlaut))).toBe('');
    expect(mistakesOf(Buffer.from(`\ufeff${umlaut}`))).toBe('');
  });

  it.each([
    ['a letter cut off at the end', [0xc3]],
    ['an overlong form', [0xc0, 0xaf]],
    ['half of a pair of surrogates', [0xed, 0xa0, 0x80]],
    ['beyond Unicode', [0xf5, 0x80, 0x80, 0x80]],
    ['Shift JIS', [0x93, 0xfa, 0x96, 0x7b]],
  ])('%s is not UTF-8', (_what, bytes) => {
    expect(mistakesOf(Buffer.concat([Buffer.from(`${TRADE}# `), Buffer.from(bytes)]))).toMatch(
      /^line 3 is not UTF-8/,
    );
  });

  it('are named where the file is UTF-16, or an editor has lost one', () => {
    expect(mistakesOf(Buffer.from(`\ufeff${TRADE}`, 'utf16le'))).toMatch(/UTF-16/);
    expect(mistakesOf(Buffer.from(`\ufeff${TRADE}`, 'utf16le').swap16())).toMatch(/UTF-16/);
    expect(mistakesOf(Buffer.from(TRADE, 'utf16le'))).toMatch(/zero bytes/);
    expect(mistakesOf(wifi('name = "M\ufffdllers WLAN"'))).toMatch(/^box\.wifi\.name: .*write that letter/);
    expect(mistakesOf(`${TRADE}[box.credentials]\nmqtt-password = "gr\ufffdn"\n`)).toMatch(
      /^box\.credentials\.mqtt-password: .*write that letter/,
    );
  });

  it('are read alike by the loader', () => {
    const file = path.join(dir, 'redbutton.toml');
    writeFileSync(file, cp1252(`# Küche\n${TRADE}`));
    expect(() => loadConfig(file)).toThrow('line 1 is not UTF-8');
    writeFileSync(file, `\ufeff${TRADE}`);
    expect(loadConfig(file).exchange).toHaveLength(1);
  });
});

describe('the country of the Wi-Fi', () => {
  it.each([
    ['UK', 'GB'],
    ['uk', 'GB'],
    ['de', 'DE'],
    ['SU', 'RU'],
    ['Germany', 'DE'],
    ['Deutschland', 'DE'],
    ['Österreich', 'AT'],
    ['USA', 'US'],
    ['United Kingdom', 'GB'],
  ])('%s is no code of ISO 3166, and %s is suggested', (given, code) => {
    expect(mistakesOf(wifi(`country = "${given}"`))).toBe(
      `box.wifi.country: "${given}" is no code of ISO 3166: write "${code}"`,
    );
  });

  it.each(['EU', 'XX', '00', 'ZZ', '', 'D', 'Bavaria', 'EN'])('%j is none', (given) => {
    expect(mistakesOf(wifi(`country = "${given}"`))).toMatch(
      /^box\.wifi\.country: expected a country of ISO/,
    );
  });

  it.each(['DE', 'GB', 'US', 'AT', 'CH', 'JP', 'BR', 'TW'])('%s is one', (given) => {
    expect(mistakesOf(wifi(`country = "${given}"`))).toBe('');
  });

  it.skipIf(!existsSync('/usr/share/zoneinfo/iso3166.tab'))('is one wherever the tz database has one', () => {
    const codes = readFileSync('/usr/share/zoneinfo/iso3166.tab', 'utf8').match(/^[A-Z]{2}(?=\t)/gm)!;
    expect(codes.filter((code) => mistakesOf(wifi(`country = "${code}"`)) !== '')).toEqual([]);
  });
});

describe('the time zone', () => {
  it.each([
    ['Europe/Berlin', 'Europe/Berlin'],
    ['Europe/berlin', 'Europe/Berlin'],
    ['EUROPE/BERLIN', 'Europe/Berlin'],
    ['america/new york', 'America/New_York'],
    ['US/Eastern', 'America/New_York'],
    ['us/pacific', 'America/Los_Angeles'],
    ['Asia/Calcutta', 'Asia/Kolkata'],
    ['Europe/Kiev', 'Europe/Kyiv'],
    ['GB', 'Europe/London'],
    ['UTC', 'UTC'],
    ['Etc/GMT+1', 'Etc/GMT+1'],
    ['Australia/Lord_Howe', 'Australia/Lord_Howe'],
    ['Australia/LHI', 'Australia/Lord_Howe'],
  ])('%s is linked as %s, which the image has', (given, name) => {
    expect(linkOf(given)).toBe(name);
  });

  it.each([
    ['Berlin', 'Europe/Berlin'],
    ['Europe/Berln', 'Europe/Berlin'],
    ['Germany/Berlin', 'Europe/Berlin'],
    ['America/NewYork', 'America/New_York'],
    ['posix/Asia/Tokyo', 'Asia/Tokyo'],
  ])('%s is refused, and %s suggested', (given, near) => {
    expect(linkOf(given)).toBe(`box.timeZone: expected a time zone as in "Europe/Berlin"; is it "${near}"?`);
  });

  it.each([
    '',
    'UTC+2',
    'GMT+1',
    '+02:00',
    '../../etc/passwd',
    'W. Europe Standard Time',
    'Factory',
    'localtime',
  ])('%j is refused', (given) => {
    expect(linkOf(given)).toMatch(/^box\.timeZone: expected a time zone as in/);
    expect(linkOf(given)).not.toContain('Etc/');
  });

  it('is one of the system that the file is for', () => {
    const root = path.join(dir, 'root');
    const zones = path.join(root, 'usr/share/zoneinfo');
    expect(linkOf('US/Eastern', zonesBelow(root))).toBe('America/New_York');
    mkdirSync(path.join(zones, 'US'), { recursive: true });
    mkdirSync(path.join(zones, 'Mars'));
    writeFileSync(path.join(zones, 'US/Eastern'), '');
    expect(linkOf('us/eastern', zonesBelow(root))).toBe('US/Eastern');
    expect(linkOf('Europe/Berlin', zonesBelow(root))).toMatch(/^box\.timeZone: expected/);
    // A newer database than the one this was written with.
    writeFileSync(path.join(zones, 'Mars/Gale'), '');
    writeFileSync(
      path.join(zones, 'tzdata.zi'),
      '# version\nZ Mars/Gale 0 - -00\nL Mars/Gale Mars/Curiosity\n',
    );
    expect(linkOf('mars/gale', zonesBelow(root))).toBe('Mars/Gale');
    expect(linkOf('Mars/Curiosity', zonesBelow(root))).toBe('Mars/Gale');
  });

  it('is not guessed where two are alike', () => {
    const zones = new TimeZones(new Set(['A/b', 'A/B']), new Map());
    expect(linkOf('a/b', zones)).toMatch(/^box\.timeZone: expected/);
    expect(linkOf('A/B', zones)).toBe('A/B');
  });
});

describe('a file without what is traded', () => {
  it.each([
    [
      '[box.wifi]\nname = "net"\npassword = "geheimes wort"\ncountry = "DE"\n',
      /^exchange: the file sets the Wi-Fi alone, and a new box has no configuration yet: say in the same file/,
    ],
    [
      '[box]\nhostname = "kitchen"\n[box.ssh]\nkeys = []\n',
      /^exchange: the file sets the machine alone \(box\.hostname, box\.ssh\)/,
    ],
    ['', /^exchange: the file sets nothing/],
    ['mode = "paper"\n', /^exchange: expected at least one table \[\[exchange\]\] with symbols/],
    ['exchange = []\n', /^exchange: expected at least one table \[\[exchange\]\]/],
    ['[[exchange]]\nid = "binance"\n', /^exchange\[0\]\.symbols: expected at least one symbol/],
    ['[[exchange]]\nsymbols = []\n', /^exchange\[0\]\.symbols: expected at least one symbol/],
    [`${TRADE}[box.wifi]\nname = "net"\n`, /^box\.wifi\.password: expected string, and it is missing$/m],
  ])('%j is told what it lacks, in a sentence', (text, sentence) => {
    expect(mistakesOf(text)).toMatch(sentence);
    expect(mistakesOf(text)).not.toContain('undefined');
  });

  it('is enough for a box that has a configuration', () => {
    const text = wifi('name = "net"').replace(TRADE, '');
    expect(mistakesOf(text, true)).toBe('');
    expect(mistakesOf(text, false)).not.toBe('');
  });
});
