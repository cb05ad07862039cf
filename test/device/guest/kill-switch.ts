import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createMosquitto } from '../../brokers/mosquitto.js';
import { say } from '../../brokers/phone.js';
import { type LiveBox, startLiveBox } from '../../guard/live-box.js';
import { watchLed } from './seen-led.js';
import { simulatedBank, sysfsNumber, unexport } from './simulated-bank.js';

const BUTTON = 5;
const LED = 17;
/** Under emulation the limits of the kill switch count three times. */
const SLOWER = 3;
const NOBODY = 65_534;

const bank = simulatedBank();
let box: LiveBox;
afterEach(async () => {
  await box?.dispose();
  bank.drive(BUTTON, 0);
  unexport(BUTTON, LED);
});

/** A guard alone, whose contact is normally closed: pressed or with its wire cut, it lets the line rise. */
const start = (backend: 'onoff' | 'chardev', mqttUrl?: string) => {
  bank.drive(BUTTON, 0);
  return startLiveBox({
    modelDir: '/opt/redbutton/models/sp500-daily',
    lines: { backend, move: (pressed) => bank.drive(BUTTON, pressed ? 1 : 0) },
    guardOnly: true,
    ...(mqttUrl !== undefined && { mqttUrl }),
  });
};

const isHalted = async () => (await box.status()).state === 'HALTED';

describe.each(['onoff', 'chardev'] as const)('a guard on a real kernel’s lines through %s', (backend) => {
  it('shuts the gate at a press or a cut wire and at chatter, and comes back after a kill', async () => {
    box = await start(backend);
    const shut: number[] = [];
    // An emulated machine whose host has no time for it stands still now and then: three tries, and each is shown.
    while (shut.length < 3 && !(Math.min(...shut) <= 60 * SLOWER)) {
      await box.button(false);
      await box.arm();
      const fromMs = box.nowMs();
      bank.drive(BUTTON, 1);
      while (box.permit().ok) await new Promise<void>((resolve) => setImmediate(resolve));
      shut.push(Math.round(box.nowMs() - fromMs));
    }
    console.log(`emulated, ${backend}: gate shut ${shut.join(', ')} ms after the level changed`);
    expect(Math.min(...shut)).toBeLessThanOrEqual(60 * SLOWER);

    await box.button(false);
    await box.arm();
    const chatterMs = box.nowMs();
    for (let i = 0; i < 200; i++) bank.drive(BUTTON, i % 2 === 0 ? 1 : 0);
    console.log(`emulated, ${backend}: 200 edges in ${(box.nowMs() - chatterMs).toFixed(0)} ms`);
    await box.until('the halt', isHalted);
    expect((await box.status()).halt).toMatchObject({ cause: 'button' });

    for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
      if (signal === 'SIGSTOP') await box.arm();
      await box.until('a permit', () => box.permit().ok);
      await box.guard.kill(signal);
      const endedMs = box.nowMs();
      await box.until('the lapse', () => !box.permit().ok);
      expect(box.nowMs() - endedMs).toBeLessThanOrEqual(500 * SLOWER);
      // Whatever level it was left at, it stays: that is no pattern of an armed box.
      expect(await watchLed(bank, LED, 2_500)).toHaveLength(1);
      if (signal === 'SIGSTOP') await box.guard.kill('SIGCONT');
      else await box.startGuard();
      await box.until('a permit again', () => box.permit().ok);
    }
    // And a press during an outage trips on restart.
    await box.guard.kill('SIGKILL');
    bank.drive(BUTTON, 1);
    await box.startGuard();
    await box.until('the halt', isHalted);
    expect((await box.status()).halt).toMatchObject({ cause: 'button' });
  });
});

describe('a record of the armed state that is damaged', () => {
  it('means halted: deleted, truncated, with a bit flipped; and whole again it means armed', async () => {
    box = await start('onoff');
    await box.arm();
    const { recordFile } = box;
    const whole = readFileSync(recordFile);
    const flipped = Buffer.from(whole);
    flipped[flipped.length >> 1]! ^= 4;
    const damage = {
      deleted: [() => rmSync(recordFile), 'record_missing'],
      truncated: [() => truncateSync(recordFile, whole.length - 20), 'record_unreadable'],
      'flipped in one bit': [() => writeFileSync(recordFile, flipped), 'record_unreadable'],
    } as const;
    for (const [name, [act, cause]] of Object.entries(damage)) {
      await box.guard.kill('SIGTERM');
      rmSync(box.permitFile, { force: true });
      writeFileSync(recordFile, whole);
      act();
      await box.startGuard();
      const { state, halt } = await box.status();
      expect([name, state, halt?.cause]).toEqual([name, 'HALTED', cause]);
      expect(box.permit().ok).toBe(false);
    }
    await box.guard.kill('SIGTERM');
    rmSync(box.permitFile, { force: true });
    writeFileSync(recordFile, whole);
    await box.startGuard();
    await box.until('a permit', () => box.permit().ok);
  });
});

describe('a halted box', () => {
  it('is not armed by MQTT, by a user without the group, or with the contact open', async () => {
    const broker = await createMosquitto();
    await broker.start();
    try {
      box = await start('chardev', broker.url);
      // What the guard's thread is not there to hear yet is said again.
      await box.until('the halt that arrives', async () => {
        for (const topic of ['cmd/resume', 'cmd/arm', 'cmd/start', 'guard/cmd/resume', 'state', 'cmd/halt']) {
          for (const word of ['resume', 'arm', 'ACTIVE']) await say(broker, `redbutton/box/${topic}`, word);
        }
        return box.guard.output().includes('halt came in over MQTT');
      });
      expect(await box.status()).toMatchObject({ state: 'HALTED', resumeLeftMs: null });

      const probe = `require('net').connect(process.argv[1]).on('error', (e) => process.exit(e.code === 'EACCES' ? 13 : 1)).on('connect', () => process.exit(0))`;
      const asNobody = spawn(process.execPath, ['-e', probe, box.controlSocket], {
        uid: NOBODY,
        gid: NOBODY,
        cwd: '/',
      });
      const [code] = await once(asNobody, 'exit');
      expect(code).toBe(13);

      bank.drive(BUTTON, 1);
      await box.until('the open contact', async () => (await box.status()).contact === 'pressed');
      expect(await box.resume()).toMatchObject({ opened: false, reason: 'contact_open' });

      // The phone can halt what a hand has armed.
      bank.drive(BUTTON, 0);
      await box.arm();
      await say(broker, 'redbutton/box/cmd/halt', 'halt');
      await box.until('the halt', isHalted);
      expect((await box.status()).halt).toMatchObject({ cause: 'command' });
    } finally {
      await broker.dispose();
    }
  });
});

describe('faults on a real kernel’s lines', () => {
  it('a line that somebody else has exported keeps the box halted, and says so', async () => {
    box = await start('onoff');
    await box.arm();
    await box.guard.kill('SIGTERM');
    const number = String(sysfsNumber(BUTTON));
    writeFileSync('/sys/class/gpio/export', number);
    await box.startGuard();
    await box.until('word of it', async () => (await box.status()).lineFault !== null);
    const status = await box.status();
    expect(status.lineFault).toMatch(/exported already/);
    expect(status.state).toBe('HALTED');
  });

  it('a guard that may not export halts an armed box, and says so', async () => {
    box = await start('onoff');
    await box.arm();
    await box.guard.kill('SIGTERM');
    await box.startGuard(NOBODY);
    await box.until('word of it', async () => (await box.status()).lineFault !== null);
    const status = await box.status();
    expect(status.lineFault).toMatch(/not allowed to export GPIO line/);
    expect(status).toMatchObject({ state: 'HALTED', halt: { cause: 'button_line' } });
  });

  // Last, since there is no bank left after it.
  it('a chip that goes away trips', async () => {
    box = await start('chardev');
    await box.arm();
    writeFileSync('/sys/kernel/config/gpio-sim/pi/live', '0');
    try {
      await box.until('the halt', isHalted);
      expect((await box.status()).halt).toMatchObject({ cause: 'button_line' });
      expect(box.permit().ok).toBe(false);
    } finally {
      await box.guard.kill();
      writeFileSync('/sys/kernel/config/gpio-sim/pi/live', '1');
      await delay(100);
    }
  });
});
