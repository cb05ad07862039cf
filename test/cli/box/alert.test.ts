// @module-tag processes

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/box/alert.js';
import { createMosquitto, type Mosquitto, mosquittoInstalled } from '../../brokers/mosquitto.js';
import { type Phone, startPhone } from '../../brokers/phone.js';

const PASSWORD = 'a test password';

describe.skipIf(!mosquittoInstalled())('redbutton alert test', () => {
  let broker: Mosquitto;
  let phone: Phone;
  let dir: string;
  let config: string;

  beforeAll(async () => {
    broker = await createMosquitto({ tls: true, users: { box: PASSWORD, phone: PASSWORD } });
    await broker.start();
    phone = await startPhone(broker, ['redbutton/cli-box/#'], ['phone', PASSWORD]);
    dir = mkdtempSync(path.join(tmpdir(), 'redbutton-alert-'));
    config = path.join(dir, 'redbutton.toml');
    writeFileSync(
      config,
      `[device]\nname = "cli-box"\n[[exchange]]\nsymbols = ["BTC/USDT"]\n[mqtt]\nurl = "${broker.url}"\ncaFile = "${broker.caFile}"\n`,
    );
  });
  afterAll(async () => {
    await phone.stop();
    await broker.dispose();
    rmSync(dir, { recursive: true, force: true });
  });

  const run = async (args: readonly string[], password: string, more: Record<string, string> = {}) => {
    const stdout = new PassThrough();
    const env = { REDBUTTON_MQTT_USERNAME: 'box', REDBUTTON_MQTT_PASSWORD: password, ...more };
    const signal = new AbortController().signal;
    try {
      const code = await command.run(args, { stdout, stderr: new PassThrough(), env, signal });
      return { code, stdout: await text(stdout.end()) };
    } finally {
      stdout.end();
    }
  };

  it('tells of a job that failed', async () => {
    const { code } = await run(['job-failed', 'redbutton-verify', '--config', config], PASSWORD);
    expect(code).toBe(0);
    const { payload } = await phone.until((m) => m.payload.includes('JOB_FAILED'), 10_000);
    expect(payload).toContain('A job of the box failed: redbutton-verify.');
  });

  it('sends one of each severity and shows each acknowledgement', async () => {
    const { code, stdout } = await run(['test', '--config', config, '--json'], PASSWORD);
    expect(code).toBe(0);
    const results = JSON.parse(stdout) as { severity: string; heard: boolean; id: string }[];
    expect(results.map((result) => [result.severity, result.heard])).toEqual([
      ['info', true],
      ['warning', true],
      ['critical', true],
    ]);
    for (const { id, severity } of results) {
      const arrived = await phone.until((m) => m.payload.includes(id));
      expect(arrived.topic).toBe(`redbutton/cli-box/alert/${severity}`);
    }
    // The visit leaves no word on availability: that belongs to the service.
    expect(phone.received.some((m) => m.topic.endsWith('/availability'))).toBe(false);
  });

  it('a refusing broker is exit code 1 with the reason and the remedy, without the password', async () => {
    const failed = run(['test', '--config', config, '--timeout', '1.5'], 'a wrong secret');
    await expect(failed).rejects.toMatchObject({ code: 'E_MQTT_TEST', exitCode: 1 });
    await expect(failed).rejects.toThrow(/refuses user or password/);
    await expect(failed).rejects.not.toThrow(/a wrong secret/);
  });

  it('tries ntfy as well where it is a sink, and shows neither topic nor token', async () => {
    const taken: string[] = [];
    const server = createServer((request, response) => {
      void text(request).then((body) => {
        taken.push(body);
        response.writeHead(taken.length > 3 ? 403 : 200).end('{"id":"x1","event":"message"}');
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const both = path.join(dir, 'both.toml');
    const more = `[alerts]\nsinks = ["ntfy"]\n[ntfy]\nurl = "http://127.0.0.1:${port}"\n`;
    writeFileSync(both, `${readFileSync(config, 'utf8')}${more}`);
    const env = { REDBUTTON_NTFY_TOPIC: 'secret-topic', REDBUTTON_NTFY_TOKEN: 'tk_secret' };
    const { code, stdout } = await run(['test', '--config', both], PASSWORD, env);
    expect(code).toBe(0);
    expect(taken.map((body) => (JSON.parse(body) as { priority: number }).priority)).toEqual([3, 4, 5]);
    expect(stdout).not.toMatch(/secret/);
    await expect(run(['test', '--config', both], PASSWORD, env)).rejects.toMatchObject({
      code: 'E_NTFY',
      exitCode: 1,
    });
    await expect(run(['test', '--config', both], PASSWORD)).rejects.toMatchObject({
      code: 'E_NTFY_TOPIC',
      exitCode: 2,
    });
    server.close();
    server.closeAllConnections();
  });

  it('wrong usage is exit code 2', async () => {
    await expect(run(['send', '--config', config], PASSWORD)).rejects.toMatchObject({ exitCode: 2 });
    await expect(run(['test'], PASSWORD)).rejects.toMatchObject({ exitCode: 2 });
    await expect(run(['test', '--config', config, '--timeout', 'soon'], PASSWORD)).rejects.toMatchObject({
      exitCode: 2,
    });
  });
});
