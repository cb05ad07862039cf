// @module-tag processes

import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examine } from '../../../src/box/doctor/examine.js';
import type { Finding, Patient, Verdict } from '../../../src/box/doctor/finding.js';
import { liveTrading } from '../../../src/box/doctor/live-trading.js';
import { findingText } from '../../../src/cli/box/doctor.js';
import { LIVE_ACKNOWLEDGEMENT } from '../../../src/config/live-terms.js';
import { mosquittoInstalled } from '../../brokers/mosquitto.js';
import { createSoundBox, gateState, type SoundBox } from './sound-box.js';

const analysed = spawnSync('systemd-analyze', ['--version']).status === 0;

describe.skipIf(!mosquittoInstalled())('the doctor', () => {
  let box: SoundBox;
  beforeAll(async () => {
    box = await createSoundBox();
    await delay(200);
  }, 60_000);
  afterAll(() => box.dispose());

  const look = (patient: Patient) => examine(patient, () => {}, new AbortController().signal);
  /** All that is not well, as `check: verdict`. */
  const complaints = (findings: readonly Finding[]) =>
    findings.filter(({ verdict }) => verdict !== 'ok').map(({ check, verdict }) => `${check}: ${verdict}`);
  const sys = (file: string, content: string) => box.write(`sys/${file}`, content);
  const at = (...parts: string[]) => path.join(box.dir, ...parts);

  it('finds nothing wrong with a sound box, but that its broker would die with it', async () => {
    const findings = await look(box.patient());
    expect(complaints(findings)).toEqual([
      ...(analysed ? [] : ['guard unit: unchecked', 'gate unit: unchecked', 'trader unit: unchecked']),
      'last will: warning',
    ]);
    expect(findings.length).toBeGreaterThan(20);
  }, 60_000);

  const aboutLive = async (sections: Parameters<typeof box.patient>[0]) =>
    (await liveTrading.look(box.patient(sections))).map(({ verdict, detail }) => `${verdict}: ${detail}`);

  it('names every reason to refuse real money, and warns of the same on a test network', async () => {
    const [entry] = withExchange({}).exchange;
    const exchange = [entry!, { ...entry!, id: 'kraken', symbols: ['BTC/USDT'] }];
    const live = await aboutLive({ mode: 'live', exchange });
    for (const code of ['E_EXCHANGE_UNPROVEN', 'E_LIVE_ACKNOWLEDGEMENT'])
      expect(live).toContainEqual(expect.stringMatching(new RegExp(`^failed: .*\\(${code}\\)$`)));
    const liveAcknowledgement = LIVE_ACKNOWLEDGEMENT;
    const unearned = await aboutLive({ mode: 'live', liveAcknowledgement, exchange: [entry!] });
    expect(unearned).toEqual([expect.stringMatching(/^failed: .*store holds 0 \(E_LIVE_NOT_EARNED\)$/)]);
    const sandboxed = exchange.map((one) => ({ ...one, sandbox: true }));
    const tested = await aboutLive({ mode: 'live', exchange: sandboxed });
    expect(tested).toEqual([
      expect.stringMatching(/^warning: real money would be refused: kraken: .*UNPROVEN/),
    ]);
    expect(await aboutLive({ exchange })).toEqual([]);
    const astray = {
      ...entry!,
      sandbox: true,
      restUrl: 'https://api.binance.com',
      wsUrl: 'ws://127.0.0.1:1',
    };
    expect(await aboutLive({ mode: 'live', exchange: [astray] })).toContainEqual(
      expect.stringMatching(/^failed: .*is a host of an exchange/),
    );
  });

  interface Fault {
    readonly fault: string;
    readonly found: string;
    readonly plant: () => Patient | Promise<Patient>;
    readonly repair?: () => void | Promise<void>;
  }
  const withExchange = (more: object) => ({
    exchange: [
      {
        id: 'binance',
        symbols: ['BTC/USDT'],
        restUrl: box.simulator.restUrl,
        wsUrl: box.simulator.wsUrl,
        ...more,
      },
    ],
  });
  const withKey = (name: string) => () => {
    box.write('etc/credentials/binance-api-key', name, 0o600);
    return box.patient();
  };
  const soundKey = () => box.write('etc/credentials/binance-api-key', 'sound', 0o600);

  const faults: readonly Fault[] = [
    {
      fault: 'an NC button on a pin that is pulled down: a cut wire would look healthy',
      found: 'button wiring: failed',
      plant: () => box.patient({ gpio: { buttonLine: 22 } }),
    },
    {
      fault: 'the same by a line of config.txt',
      found: 'button wiring: failed',
      plant: () => {
        box.write('boot/config.txt', 'gpio=4-6=ip,pd\n');
        return box.patient();
      },
      repair: () => box.write('boot/config.txt', ''),
    },
    {
      fault: 'a normally open contact',
      found: 'button wiring: warning',
      plant: () => box.patient({ guard: { contact: 'no' } }),
    },
    {
      fault: 'button and LED on one pin',
      found: 'pins: failed',
      plant: () => box.patient({ gpio: { ledLine: 5 } }),
    },
    {
      fault: 'a chip of another label',
      found: 'GPIO chip: failed',
      plant: () => {
        sys('class/gpio/gpiochip512/label', 'pinctrl-other\n');
        return box.patient();
      },
      repair: () => sys('class/gpio/gpiochip512/label', 'pinctrl-bcm2711\n'),
    },
    {
      fault: 'a cut wire, as the guard sees it',
      found: 'button: failed',
      plant: async () => {
        box.gpio.setLevel(5, 1);
        await delay(100);
        return box.patient();
      },
      repair: async () => {
        box.gpio.setLevel(5, 0);
        await delay(200);
      },
    },
    {
      fault: 'a guard that is dead',
      found: 'guard: failed',
      plant: async () => {
        await box.stopGuard();
        return box.patient();
      },
    },
    {
      fault: 'a cut wire, while no guard runs',
      found: 'button: failed',
      plant: () => {
        box.gpio.setLevel(5, 1);
        return box.patient({}, { quick: true });
      },
      repair: async () => {
        box.gpio.setLevel(5, 0);
        await box.startGuard();
        await delay(200);
      },
    },
    ...Object.entries({
      'a gate that does not run': null,
      'a gate that hangs': gateState({ atMonotonicMs: 1 }),
      'a state of the gate that is none': '{"open":',
      'a kernel whose set elements do not time out': gateState({ setTimeouts: false }),
      'a kernel that cannot end connections': gateState({ socketDestroy: false }),
      'connections of an earlier epoch that keep the gate shut': gateState({ open: false, waiting: 2 }),
      'a failure of the gate': gateState({ failure: 'cannot end sockets: Operation not permitted' }),
    }).map(([fault, state]) => ({
      fault,
      found: `kernel gate: ${/run|hangs|none/.test(fault) ? 'failed' : 'warning'}`,
      plant: () => {
        if (state === null) rmSync(at('run-gate/state'));
        else box.write('run-gate/state', state);
        return box.patient();
      },
      repair: () => box.write('run-gate/state', gateState()),
    })),
    {
      fault: 'ports of orders that Linux gives to anybody',
      found: 'order ports: warning',
      plant: () => {
        box.write('proc/sys/net/ipv4/ip_local_port_range', '1024\t65535\n');
        return box.patient();
      },
      repair: () => box.write('proc/sys/net/ipv4/ip_local_port_range', '32768\t60999\n'),
    },
    {
      fault: 'a unit without a limitless restart',
      found: 'guard unit: failed',
      plant: () => {
        box.write('units/redbutton-guard.service', '[Service]\nExecStart=/bin/true\n');
        return box.patient();
      },
    },
    {
      fault: 'a clock that nobody has set',
      found: 'clock: failed',
      plant: () => box.patient({}, { timesyncFile: at('run/not-there') }),
    },
    {
      fault: 'a clock 5 s ahead of the exchange',
      found: 'clock offset: failed',
      plant: () => {
        const patient = box.patient();
        return { ...patient, clock: { ...patient.clock, wallMs: () => box.simulator.wallMs() + 5000 } };
      },
    },
    {
      fault: 'an exchange that does not answer',
      found: 'exchange: failed',
      plant: () => box.patient(withExchange({ restUrl: 'http://127.0.0.1:9', wsUrl: 'ws://127.0.0.1:9' })),
    },
    {
      fault: 'a second exchange that does not answer',
      found: 'exchange: failed',
      plant: () => {
        const [first] = withExchange({}).exchange;
        return box.patient({ exchange: [first, { ...first!, id: 'kraken', restUrl: 'http://127.0.0.1:1' }] });
      },
    },
    {
      fault: 'a second exchange without its key',
      found: 'trader’s key at binanceus: failed',
      plant: () => {
        const [first] = withExchange({}).exchange;
        const live = { mode: 'live', exchange: [first, { ...first!, id: 'binanceus' }] };
        return box.patient(live);
      },
    },
    {
      fault: 'no symbol that the exchange lists',
      found: 'exchange: failed',
      plant: () => box.patient(withExchange({ symbols: ['DOGE/USDT'] })),
    },
    {
      fault: 'a symbol among others that the exchange does not list',
      found: 'exchange: warning',
      plant: () => box.patient(withExchange({ symbols: ['BTC/USDT', 'DOGE/USDT'] })),
    },
    {
      fault: 'a key that may withdraw',
      found: 'trader’s key: failed',
      plant: withKey('greedy'),
      repair: soundKey,
    },
    {
      fault: 'a key that works from anywhere',
      found: 'trader’s key: warning',
      plant: withKey('loose'),
      repair: soundKey,
    },
    {
      fault: 'a key the exchange does not know',
      found: 'trader’s key: failed',
      plant: withKey('stranger'),
      repair: soundKey,
    },
    {
      fault: 'a wrong password for the broker',
      found: 'broker: failed',
      plant: () => {
        box.write('etc/credentials/mqtt-password', 'wrong', 0o600);
        return box.patient();
      },
      repair: () => box.write('etc/credentials/mqtt-password', 'a test password', 0o600),
    },
    {
      fault: 'a disk with less room than the reserve',
      found: 'disk: failed',
      plant: () => box.patient({ storage: { diskReserveMb: 1_000_000_000 } }),
    },
    ...Object.entries({
      'no second place for the record': ['warning', undefined],
      'a second record that is not there': ['failed', () => at('not-mounted/armed')],
      'a second record on the file system of the first': ['failed', () => at('state/second')],
      'a second record of another size': ['failed', () => at('boot/config.txt')],
    } as const).map(([fault, [verdict, file]]) => ({
      fault,
      found: `second record: ${verdict}`,
      plant: () => {
        box.write('state/second', '\0'.repeat(4096));
        const { config, ...rest } = box.patient();
        return { ...rest, config: { ...config, guard: { ...config.guard, secondRecord: file?.() } } };
      },
    })),
    {
      fault: 'a second record that the image names and could not mount',
      found: 'second record: failed',
      plant: () => {
        box.write('run-record/env', `REDBUTTON_SECOND_RECORD=${at('not-mounted/armed')}\n`);
        const { config, ...rest } = box.patient();
        return { ...rest, config: { ...config, guard: { ...config.guard, secondRecord: undefined } } };
      },
      repair: () => rmSync(at('run-record'), { recursive: true }),
    },
    {
      fault: 'a worn-out card',
      found: 'card: failed',
      plant: () => {
        sys('block/mmcblk0/device/life_time', '0x0b 0x0b\n');
        return box.patient();
      },
      repair: () => sys('block/mmcblk0/device/life_time', '0x01 0x01\n'),
    },
    {
      fault: 'errors in the file system',
      found: 'file system: failed',
      plant: () => {
        sys('fs/ext4/mmcblk0p3/errors_count', '3\n');
        return box.patient();
      },
      repair: () => sys('fs/ext4/mmcblk0p3/errors_count', '0\n'),
    },
    {
      fault: 'a processor at 82 °C',
      found: 'temperature: failed',
      plant: () => {
        sys('class/thermal/thermal_zone0/temp', '82000\n');
        return box.patient();
      },
      repair: () => sys('class/thermal/thermal_zone0/temp', '48000\n'),
    },
    {
      fault: 'a weak power supply',
      found: 'supply: failed',
      plant: () => {
        sys('devices/platform/soc/soc:firmware/get_throttled', '50005\n');
        return box.patient();
      },
    },
    {
      fault: 'a power supply that was weak before',
      found: 'supply: warning',
      plant: () => {
        sys('devices/platform/soc/soc:firmware/get_throttled', '50000\n');
        return box.patient();
      },
      repair: () => sys('devices/platform/soc/soc:firmware/get_throttled', '0\n'),
    },
    {
      fault: 'no memory left',
      found: 'memory: failed',
      plant: () => {
        box.write('proc/meminfo', 'MemTotal: 948000 kB\nMemAvailable: 60000 kB\n');
        return box.patient();
      },
      repair: () => box.write('proc/meminfo', 'MemTotal: 948000 kB\nMemAvailable: 500000 kB\n'),
    },
    {
      fault: 'a swap file on the card',
      found: 'swap: warning',
      plant: () => {
        box.write('proc/swaps', 'Filename Type\n/var/swap file 100 0 -2\n');
        return box.patient();
      },
      repair: () => box.write('proc/swaps', 'Filename Type\n'),
    },
    {
      fault: 'a damaged model',
      found: 'model: failed',
      plant: () => {
        appendFileSync(at('model/model.onnx'), 'x');
        return box.patient();
      },
      repair: () => {
        const file = at('model/model.onnx');
        const whole = readFileSync(file);
        rmSync(file);
        appendFileSync(file, whole.subarray(0, -1));
      },
    },
    {
      fault: 'a model of another feature version',
      found: 'model: failed',
      plant: () => {
        const manifest = JSON.parse(readFileSync(at('model/manifest.json'), 'utf8'));
        box.write('model/manifest.json', JSON.stringify({ ...manifest, featureSet: 'v9' }));
        return box.patient();
      },
      repair: () => {
        const manifest = JSON.parse(readFileSync(at('model/manifest.json'), 'utf8'));
        box.write('model/manifest.json', JSON.stringify({ ...manifest, featureSet: 'v1' }));
      },
    },
    {
      fault: 'a secret that all can read',
      found: 'credentials: failed',
      plant: () => {
        chmodSync(at('etc/credentials/binance-api-secret'), 0o644);
        return box.patient();
      },
      repair: () => chmodSync(at('etc/credentials/binance-api-secret'), 0o600),
    },
    {
      fault: 'a configuration that all can change',
      found: 'configuration: failed',
      plant: () => {
        const patient = box.patient();
        chmodSync(patient.configFile, 0o666);
        return patient;
      },
    },
    {
      fault: 'a phone that is not subscribed',
      found: 'broker: warning',
      plant: async () => {
        await box.stopPhone();
        // The broker keeps a session that waits for the phone; a new device has none.
        return box.patient({ device: { name: 'nobody-hears' } });
      },
    },
  ];

  it.each(faults)('finds $fault', { timeout: 60_000 }, async ({ found, plant, repair }) => {
    try {
      const patient = await plant();
      // Units take systemd a second to judge, and only some faults are about them.
      const aboutUnits = found.startsWith('guard') || found === 'kernel gate: failed';
      const findings = await look(aboutUnits ? patient : { ...patient, unitDir: at('no-units') });
      expect(complaints(findings)).toContain(found);
      const [check, verdict] = found.split(': ') as [string, Verdict];
      const finding = findings.find((one) => one.check === check && one.verdict === verdict)!;
      expect(finding.remedy).toMatch(/\w/);
    } finally {
      await repair?.();
    }
  });

  it.skipIf(!analysed)(
    'finds a unit whose hardening was taken away',
    async () => {
      const unit = at('units/redbutton.service');
      const text = readFileSync(unit, 'utf8');
      box.write('units/redbutton.service', text.replace(/^(Protect|Restrict|Private|SystemCall).*$/gm, ''));
      expect(complaints(await look(box.patient()))).toContain('trader unit: failed');
    },
    60_000,
  );

  it.skipIf(!existsSync('/dev/shm'))(
    'finds a state directory in memory',
    async () => {
      const stateDir = mkdtempSync('/dev/shm/redbutton-doctor-');
      try {
        const findings = await look(box.patient({ device: { stateDir } }, { unitDir: at('no-units') }));
        expect(complaints(findings)).toContain('disk: failed');
      } finally {
        rmSync(stateDir, { recursive: true });
      }
    },
    60_000,
  );

  it('says what the bound after a press is where the gate does not run, or dies open', async () => {
    const sentence = async (state: string | null) => {
      if (state === null) rmSync(at('run-gate/state'), { force: true });
      else box.write('run-gate/state', state);
      const findings = await look(box.patient({}, { unitDir: at('no-units') }));
      return findings.find(({ check }) => check === 'kernel gate')!.detail;
    };
    try {
      const bound = /a trader that is stopped or hung may leave up to 1 s after a press, instead of 60 ms$/;
      expect(await sentence(null)).toMatch(bound);
      expect(await sentence(gateState({ setTimeouts: false }))).toMatch(bound);
      expect(await sentence(gateState({ socketDestroy: false }))).toContain('INET_DIAG_DESTROY');
      expect(await sentence(gateState())).toBe('open for epoch 3');
    } finally {
      box.write('run-gate/state', gateState());
    }
  }, 60_000);

  it('blinks the LED where no guard runs, and leaves it dark', async () => {
    await box.stopGuard();
    const levels = new Set<number>();
    const watch = setInterval(() => levels.add(box.gpio.level(17)), 20);
    const findings = await look(box.patient({}, { unitDir: at('no-units') }));
    clearInterval(watch);
    expect(findings.find(({ check }) => check === 'LED')?.verdict).toBe('ok');
    expect([...levels].sort()).toEqual([0, 1]);
    expect(box.gpio.level(17)).toBe(0);
  }, 60_000);
});

describe('a finding as text', () => {
  it('fits 80 columns, whatever the words', () => {
    const long = `/a/very/long/path${'/and/on'.repeat(20)} and words ${'that go on '.repeat(20)}`;
    const text = findingText({ check: 'button wiring', verdict: 'failed', detail: long, remedy: long });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).toMatch(/^FAILED {5}button wiring {4}\S/);
    expect(text.replaceAll(/\s|→/g, '')).toContain(long.replaceAll(/\s/g, ''));
  });
});
