import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'smol-toml';
import { createSystemClock } from '../../../src/adapters/clock/system-clock.js';
import { createSystemScheduler } from '../../../src/adapters/clock/system-scheduler.js';
import { createControlServer } from '../../../src/adapters/control-socket/control-server.js';
import { SimulatedGpio } from '../../../src/adapters/gpio/simulated.js';
import type { Patient } from '../../../src/box/doctor/finding.js';
import { readCredential } from '../../../src/config/credentials.js';
import { parseConfig } from '../../../src/config/load.js';
import { pathsOf } from '../../../src/config/paths.js';
import { toColumns } from '../../../src/core/candle.js';
import type { GateState } from '../../../src/core/gate-state.js';
import { seededRng } from '../../../src/core/seeded-rng.js';
import { InProcessGuard } from '../../../src/guard/in-process.js';
import { ExchangeSimulator } from '../../../src/simulator/index.js';
import { unearnedOf } from '../../../src/trader/earned-live.js';
import { createMosquitto, type Mosquitto } from '../../brokers/mosquitto.js';
import { type Phone, startPhone } from '../../brokers/phone.js';
import { randomWalk } from '../../support/tiny-stream.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const HISTORY = 40;
const PASSWORD = 'a test password';
/** Named keys of the simulated exchange: what each may do. */
const ACCOUNTS = {
  sound: { trading: true, withdrawals: false, addressBound: true },
  greedy: { trading: true, withdrawals: true, addressBound: true },
  loose: { trading: true, withdrawals: false, addressBound: false },
};

type Sections = Readonly<Record<string, unknown>>;

/** A box on which all is well: real files, sockets, exchange, broker and guard; simulated lines. */
export interface SoundBox {
  readonly gpio: SimulatedGpio;
  readonly simulator: ExchangeSimulator;
  /** Below it lie etc, sys, proc, boot, units and the state; a fault is planted by writing there. */
  readonly dir: string;
  write(file: string, content: string, mode?: number): void;
  /** The patient with these sections in place of its own. */
  patient(sections?: Sections, more?: Partial<Patient>): Patient;
  stopGuard(): Promise<void>;
  startGuard(): Promise<void>;
  stopPhone(): Promise<void>;
  dispose(): Promise<void>;
}

/** What a gate that is well writes; an hour ahead, so that no test is too slow for it. */
export const gateState = (more: Partial<GateState> = {}) =>
  `${JSON.stringify({
    open: true,
    epoch: 3,
    setTimeouts: true,
    socketDestroy: true,
    destroyed: 0,
    waiting: 0,
    failure: null,
    atMonotonicMs: Number(process.hrtime.bigint()) / 1e6 + 3_600_000,
    ...more,
  })}\n`;

export async function createSoundBox(): Promise<SoundBox> {
  const dir = mkdtempSync(path.join(tmpdir(), 'rb-doc-'));
  // What a person would call the state directory must be on a disk.
  const at = (...parts: string[]) => path.join(dir, ...parts);
  const write = (file: string, content: string, mode = 0o644) => {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    rmSync(at(file), { force: true });
    writeFileSync(at(file), content, { mode });
  };
  // A file system that is not that of the state.
  const otherDir = mkdtempSync('/dev/shm/rb-doc-');
  writeFileSync(path.join(otherDir, 'armed'), Buffer.alloc(4096));
  const broker: Mosquitto = await createMosquitto({
    tls: true,
    users: { box: PASSWORD, phone: PASSWORD },
    names: `DNS:localhost,IP:127.0.0.1,DNS:${hostname()},DNS:${hostname()}.local`,
  });
  await broker.start();
  const phone: Phone = await startPhone(broker, ['redbutton/sick-box/#'], ['phone', PASSWORD]);
  const simulator = new ExchangeSimulator({
    markets: [
      {
        symbol: 'BTC/USDT',
        timeframe: '1h',
        candles: toColumns(randomWalk(seededRng(3), HISTORY + 10)),
      },
    ],
    startIndex: HISTORY,
    accounts: Object.entries(ACCOUNTS).map(([apiKey, permissions]) => ({
      apiKey,
      secret: 'secret',
      balances: { USDT: '1000' },
      permissions,
    })),
  });
  await simulator.start();

  // What a Pi's kernel shows.
  write('sys/class/gpio/gpiochip512/label', 'pinctrl-bcm2711\n');
  write('sys/class/gpio/gpiochip512/base', '512\n');
  write('sys/class/gpio/gpiochip512/ngpio', '58\n');
  write('sys/class/thermal/thermal_zone0/temp', '48000\n');
  write('sys/devices/platform/soc/soc:firmware/get_throttled', '0\n');
  write('sys/block/mmcblk0/device/life_time', '0x01 0x01\n');
  write('sys/block/mmcblk0/device/pre_eol_info', '0x01\n');
  write('sys/fs/ext4/mmcblk0p3/errors_count', '0\n');
  write('proc/meminfo', 'MemTotal:         948000 kB\nMemAvailable:     500000 kB\n');
  write('proc/swaps', 'Filename Type Size Used Priority\n/dev/zram0 partition 100 0 100\n');
  write('proc/device-tree/model', 'Raspberry Pi 4 Model B Rev 1.4\0');
  write('boot/config.txt', 'dtparam=audio=off\n');
  write('run/timesync', '');
  write('proc/sys/net/ipv4/ip_local_port_range', '32768\t60999\n');
  write('run-gate/state', gateState());
  cpSync(path.join(root, 'systemd'), at('units'), { recursive: true });
  cpSync(path.join(root, 'models/sp500-daily'), at('model'), { recursive: true });
  const manifest = JSON.parse(readFileSync(at('model/manifest.json'), 'utf8')) as object;
  write('model/manifest.json', JSON.stringify({ ...manifest, training: null }));
  mkdirSync(at('etc/credentials'), { recursive: true, mode: 0o700 });
  const secrets = {
    'mqtt-username': 'box',
    'mqtt-password': PASSWORD,
    'binance-api-key': 'sound',
    'binance-api-secret': 'secret',
  };
  for (const [name, value] of Object.entries(secrets)) write(`etc/credentials/${name}`, value, 0o600);

  const system = createSystemClock();
  const clock = { ...system, wallMs: () => simulator.wallMs() };
  const patient = (sections: Sections = {}, more: Partial<Patient> = {}): Patient => {
    const merged: Record<string, unknown> = {
      timeframe: '1h',
      modelDir: at('model'),
      device: { name: 'sick-box', stateDir: at('state'), runDir: at('run') },
      exchange: [
        { id: 'binance', symbols: ['BTC/USDT'], restUrl: simulator.restUrl, wsUrl: simulator.wsUrl },
      ],
      mqtt: { url: broker.url, caFile: broker.caFile },
      storage: { diskReserveMb: 1 },
      guard: { secondRecord: path.join(otherDir, 'armed') },
    };
    for (const [name, value] of Object.entries(sections)) {
      const own = merged[name];
      merged[name] =
        Array.isArray(value) || typeof value !== 'object' ? value : { ...(own as object), ...value };
    }
    const text = stringify(merged);
    write('etc/redbutton.toml', text);
    const config = parseConfig(text, 'redbutton.toml');
    return {
      config,
      unearned: (but) => unearnedOf(config, but),
      configFile: at('etc/redbutton.toml'),
      clock,
      credential: (name) => readCredential(name, { CREDENTIALS_DIRECTORY: at('etc/credentials') }),
      credentialsDir: at('etc/credentials'),
      unitDir: at('units'),
      sysDir: at('sys'),
      procDir: at('proc'),
      bootDir: at('boot'),
      timesyncFile: at('run/timesync'),
      openLines: () => gpio,
      quick: false,
      ...more,
    };
  };
  mkdirSync(at('state'));
  const gpio = new SimulatedGpio();
  const paths = pathsOf(patient().config.device);
  const trader = createControlServer(paths.traderSocket, 'the trader', {
    'GET /status': () => ({ status: 200, body: { tradingState: 'HALTED' } }),
  });
  await trader.start();
  let guard: InProcessGuard | null = null;
  const startGuard = async () => {
    guard = new InProcessGuard({
      config: patient().config,
      clock: system,
      scheduler: createSystemScheduler(),
      gpio,
      simulatedButton: null,
      onNotice: () => {},
    });
    await guard.start();
  };
  const stopGuard = async () => {
    await guard?.stop();
    guard = null;
  };
  await startGuard();
  return {
    gpio,
    simulator,
    dir,
    write,
    patient,
    startGuard,
    stopGuard,
    stopPhone: () => phone.stop(),
    async dispose() {
      await stopGuard();
      await trader.stop();
      await phone.stop();
      await broker.dispose();
      await simulator.stop().catch(() => undefined);
      rmSync(dir, { recursive: true, force: true });
      rmSync(otherDir, { recursive: true, force: true });
    },
  };
}
