import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createVitalsWatch, readVitals } from '../../../src/adapters/vitals/vitals.js';
import { type Alert, createAlerts } from '../../../src/core/alert.js';
import { ALERT_CATALOGUE } from '../../../src/core/alert-catalogue.js';
import { eventually } from '../mqtt/box.js';

describe('the vitals of the box', () => {
  let sysDir: string;
  const put = (file: string, text: string) => {
    const full = path.join(sysDir, file);
    mkdirSync(path.dirname(full), { recursive: true });
    writeFileSync(full, text);
  };
  const heat = (celsius: number) => put('class/thermal/thermal_zone0/temp', `${celsius * 1000}\n`);
  const throttle = (word: string) => put('devices/platform/soc/soc:firmware/get_throttled', `${word}\n`);
  beforeEach(() => {
    sysDir = mkdtempSync(path.join(tmpdir(), 'redbutton-sys-'));
  });
  afterEach(() => rmSync(sysDir, { recursive: true, force: true }));

  it('are read from sysfs, and absent where there is no sensor', async () => {
    expect(await readVitals('/nonexistent', sysDir)).toEqual({
      temperatureC: null,
      undervoltage: null,
      freePct: null,
    });
    heat(51.5);
    throttle('50005');
    const vitals = await readVitals(sysDir, sysDir);
    expect(vitals).toMatchObject({ temperatureC: 51.5, undervoltage: true });
    expect(vitals.freePct).toBeGreaterThan(0);
    throttle('50000');
    expect((await readVitals(sysDir, sysDir)).undervoltage).toBe(false);
    throttle('nonsense');
    expect((await readVitals(sysDir, sysDir)).undervoltage).toBeNull();
  });

  it('raise one alert each time a limit is crossed, not one each look', async () => {
    const alerts: Alert[] = [];
    const clock = createSystemClock();
    const sink = { raise: async (alert: Alert) => void alerts.push(alert) };
    const nothing = () => {};
    const watch = createVitalsWatch({
      stateDir: sysDir,
      sysDir,
      clock,
      log: { info: nothing, warn: nothing, error: nothing },
      alerts: createAlerts(ALERT_CATALOGUE, clock, sink, () => `v-${alerts.length}`),
      everyMs: 5,
      freePctMin: 101,
    });
    const seen = async (celsius: number) => {
      heat(celsius);
      await eventually('seen', () => watch.last().temperatureC === celsius);
    };
    heat(60);
    throttle('0');
    watch.start();
    await seen(60);
    await eventually('told of the disk', () => alerts.length === 1);
    await seen(80);
    await seen(76);
    await seen(82);
    await seen(60);
    await seen(79);
    throttle('1');
    await eventually('told of voltage', () => alerts.some((alert) => alert.code === 'UNDERVOLTAGE'));
    await watch.stop();
    expect(alerts.map((alert) => alert.code)).toEqual([
      'DISK_LOW',
      'TEMPERATURE',
      'TEMPERATURE',
      'UNDERVOLTAGE',
    ]);
  });
});
