// @module-tag processes

import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.js';
import { packageVersion } from '../../src/console/package-version.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const dest = mkdtempSync(path.join(tmpdir(), 'redbutton-install-'));
const below = (...parts: string[]) => path.join(dest, ...parts);
const install = (...args: string[]) =>
  execFileSync(path.join(root, 'scripts/install'), ['--destdir', dest, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });

/** Every file with what tells it apart, the version's own packages aside. */
function inventory(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const inner = path.join(dir, entry.name);
    if (entry.name === 'node_modules') return [];
    if (entry.isDirectory()) return [`${inner}/`, ...inventory(inner)];
    const { mode, mtimeMs } = lstatSync(inner);
    return [`${inner} ${mode.toString(8)} ${entry.isSymbolicLink() ? readlinkSync(inner) : mtimeMs}`];
  });
}

describe('scripts/install', () => {
  const version = packageVersion();

  beforeAll(() => {
    install();
  }, 120_000);
  afterAll(() => rmSync(dest, { recursive: true, force: true }));

  it('leaves a program that runs, on its own', () => {
    expect(readlinkSync(below('opt/redbutton/current'))).toBe(`versions/${version}`);
    const main = below('opt/redbutton/current/dist/main.js');
    const run = (...args: string[]) =>
      execFileSync(process.execPath, [main, ...args], { cwd: '/', encoding: 'utf8' });
    expect(run('--version')).toBe(`redbutton ${version}\n`);
    // ONNX Runtime is found from there too.
    const model = below('opt/redbutton/current/models/sp500-daily/model.onnx');
    run('model', 'add', model, '--features', 'v1', '--out', below('tried-model'));
    rmSync(below('tried-model'), { recursive: true });
    expect(existsSync(below('opt/redbutton/current/node_modules/vitest'))).toBe(false);
    expect(existsSync(below('opt/redbutton/current/node_modules/@duckdb/node-api'))).toBe(true);
  }, 60_000);

  it('hands out compiled code for this machine alone, and the notices of every package', () => {
    const current = below('opt/redbutton/current');
    expect(
      spawnSync(process.execPath, [path.join(root, 'scripts/foreign-binaries.mjs'), realpathSync(current)], {
        encoding: 'utf8',
      }),
    ).toMatchObject({ status: 0, stderr: '' });
    const notices = readFileSync(path.join(current, 'THIRD-PARTY-NOTICES'), 'utf8');
    const manifests = readdirSync(path.join(current, 'node_modules'), {
      recursive: true,
      encoding: 'utf8',
    }).filter(
      (file) =>
        /(^|node_modules\/)(@[^/]+\/)?[^/]+\/package\.json$/.test(file) &&
        !/^@[^/]+\/package\.json$/.test(file),
    );
    expect(manifests.length).toBeGreaterThan(80);
    const lines = notices.split('\n');
    for (const file of manifests) {
      const { name, version, license } = JSON.parse(
        readFileSync(path.join(current, 'node_modules', file), 'utf8'),
      ) as Record<string, string>;
      expect(lines).toContain(`${name} ${version}: ${license}`);
    }
    for (const text of [
      'Stichting DuckDB Foundation',
      'Copyright (c) Microsoft Corporation',
      '  with ICU: ICU',
      'Mozilla Public License Version 2.0',
      'Its source, unchanged: https://gitlab.com/libeigen/eigen',
    ])
      expect(notices).toContain(text);
  });

  it('backtests from there, and knows every exchange of ccxt', () => {
    const current = below('opt/redbutton/current');
    const backtest = spawnSync(
      process.execPath,
      [
        path.join(current, 'dist/main.js'),
        'backtest',
        ...['--candles', path.join(root, 'test/vectors/features/daily_btcusdt.validated.csv')],
        ...['--model', path.join(current, 'models/sp500-daily'), '--threshold', '0.05'],
        ...['--report', below('report.html')],
      ],
      { cwd: '/', encoding: 'utf8' },
    );
    expect(backtest.status, backtest.stderr).toBe(0);
    expect(backtest.stdout).toMatch(/closed trades +[1-9]/);
    // The charts' code came along.
    expect(readFileSync(below('report.html'), 'utf8').includes('uPlot')).toBe(true);
    const module = path.join(current, 'node_modules/ccxt/js/ccxt.js');
    const exchanges = `const { default: ccxt } = await import(${JSON.stringify(module)});
      for (const id of ccxt.exchanges) new (ccxt.pro[id] ?? ccxt[id])();
      await new Promise((done) => setTimeout(done, 500));
      console.log(ccxt.exchanges.length);`;
    const known = spawnSync(process.execPath, ['--input-type=module', '-e', exchanges], { encoding: 'utf8' });
    expect(known, known.stderr).toMatchObject({ status: 0, stderr: '' });
    expect(Number(known.stdout)).toBeGreaterThan(100);
  }, 60_000);

  it('writes a first configuration that is valid and on paper, and closed credentials', () => {
    expect(loadConfig(below('etc/redbutton/redbutton.toml')).mode).toBe('paper');
    expect((statSync(below('etc/redbutton/credentials')).mode & 0o777).toString(8)).toBe('700');
  });

  it('enables what there is', () => {
    const system = below('etc/systemd/system');
    for (const target of ['multi-user.target.wants', 'timers.target.wants']) {
      const names = readdirSync(path.join(system, target));
      expect(names.length).toBe(target.startsWith('multi') ? 3 : 2);
      for (const name of names) expect(existsSync(path.join(system, name))).toBe(true);
    }
  });

  it('changes nothing when run again, and leaves a configuration and data alone', () => {
    writeFileSync(below('etc/redbutton/redbutton.toml'), '# mine\n');
    mkdirSync(below('var/lib/redbutton'), { recursive: true });
    writeFileSync(below('var/lib/redbutton/redbutton.duckdb'), 'years of trading');
    for (const name of ['kraken-api-key', 'kraken-api-secret', 'guard-kraken-api-key'])
      writeFileSync(below('etc/redbutton/credentials', name), 'x', { mode: 0o600 });
    const before = inventory(below('opt'));
    install();
    expect(inventory(below('opt'))).toEqual(before);
    expect(readFileSync(below('etc/redbutton/redbutton.toml'), 'utf8')).toBe('# mine\n');

    // A further exchange's key is handed to its service alone.
    const dropin = (unit: string) =>
      readFileSync(below('etc/systemd/system', `${unit}.service.d/exchange.conf`), 'utf8');
    expect(dropin('redbutton')).toContain('LoadCredential=kraken-api-secret:');
    expect(dropin('redbutton')).not.toContain('guard-kraken');
    expect(dropin('redbutton-guard')).toContain('LoadCredential=guard-kraken-api-key:');
    expect(dropin('redbutton-guard')).not.toContain('=kraken');
  }, 120_000);

  it('refuses what it does not know, and says what to do without root', () => {
    const script = path.join(root, 'scripts/install');
    expect(spawnSync(script, ['--wat'], { encoding: 'utf8' })).toMatchObject({
      status: 2,
      stderr: 'install: unknown option --wat; see --help\n',
    });
  });

  it('takes itself away with --uninstall, and keeps the data', () => {
    install('--uninstall');
    for (const gone of ['opt/redbutton', 'usr/local/bin/redbutton', 'etc/systemd/system/redbutton.service'])
      expect(existsSync(below(gone)), gone).toBe(false);
    expect(readFileSync(below('var/lib/redbutton/redbutton.duckdb'), 'utf8')).toBe('years of trading');
    expect(readFileSync(below('etc/redbutton/redbutton.toml'), 'utf8')).toBe('# mine\n');
    expect(existsSync(below('etc/redbutton/credentials/kraken-api-key'))).toBe(true);
  });
});
