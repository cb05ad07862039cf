import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { command } from '../../../src/cli/box/led.js';
import { LED_PATTERNS } from '../../../src/guard/led.js';
import { captureIo } from '../../support/command-io.js';

describe('redbutton led', () => {
  it('prints the table the guard drives the LED by', async () => {
    const io = captureIo();
    expect(await command.run(['--explain'], io)).toBe(0);
    for (const { name, meaning } of LED_PATTERNS)
      expect(io.out()).toContain(`${name.padEnd(22)}  ${meaning}`);
    expect(io.out()).toMatch(/dark or steady\s+guard dead/);
    for (const line of io.out().split('\n')) expect(line.length).toBeLessThanOrEqual(110);
  });

  it('prints it as JSON, and asks for --explain', async () => {
    const io = captureIo();
    await command.run(['--explain', '--json'], io);
    expect(JSON.parse(io.out())).toHaveLength(LED_PATTERNS.length + 1);
    await expect(command.run(['--show', 'nonsense'], captureIo())).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(command.run([], captureIo())).rejects.toMatchObject({ code: 'E_USAGE', exitCode: 2 });
  });

  it('shows one until it is told to end', async () => {
    const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-led-'));
    const file = path.join(dir, 'redbutton.toml');
    writeFileSync(
      file,
      '[[exchange]]\nsymbols = ["BTC/USDT"]\n[gpio]\nbackend = "simulated"\nledLine = 53\n',
    );
    const stop = new AbortController();
    const ended = command.run(['--show', 'fault', '--config', file], { ...captureIo(), signal: stop.signal });
    setTimeout(() => stop.abort(new Error('enough')), 100);
    expect(await ended).toBe(0);
    rmSync(dir, { recursive: true });
  });
});
