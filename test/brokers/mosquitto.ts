import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const MOSQUITTO = ['/usr/sbin/mosquitto', '/usr/bin/mosquitto', '/usr/local/sbin/mosquitto'].find((file) =>
  existsSync(file),
);

/** Whether the broker is installed; tests that need it skip loudly where it is not (scripts/test installs it). */
export function mosquittoInstalled(): boolean {
  if (MOSQUITTO === undefined) {
    process.stderr.write('SKIPPED: mosquitto is not installed (apt install mosquitto mosquitto-clients)\n');
  }
  return MOSQUITTO !== undefined;
}

export interface MosquittoOptions {
  readonly tls?: boolean;
  /** What its certificate names, as openssl writes it; localhost when absent. */
  readonly names?: string;
  /** Lets only these in; without it anybody may connect. */
  readonly users?: Readonly<Record<string, string>>;
  /** The broker keeps its sessions on disk, and every write to it fails. */
  readonly diskFull?: boolean;
  /** The largest packet it takes. */
  readonly packetBytesMax?: number;
  /** Only a certificate of the broker's own authority lets in; its common name is the user. Needs `tls`. */
  readonly clientCertificates?: boolean;
}

export interface Mosquitto {
  readonly port: number;
  readonly dir: string;
  readonly url: string;
  /** Certificate of the authority that signed the broker's own, with `tls`. */
  readonly caFile: string;
  /** A client's certificate and key of the broker's authority, with `tls`. */
  clientCertificate(name: string): { readonly certFile: string; readonly keyFile: string };
  start(): Promise<void>;
  /** SIGTERM, as systemd stops it. */
  stop(): Promise<void>;
  /** SIGKILL, as a power cut ends it. */
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
  /** Replaces the users and lets the broker read them again, which also throws out nobody who is connected. */
  setUsers(users: Readonly<Record<string, string>>): void;
  /** From its next start on the broker keeps its sessions on a disk that is full (or no longer so). */
  setDiskFull(full: boolean): void;
  /** What it said since its last start. */
  output(): string;
  /** Stops it and removes its files. */
  dispose(): Promise<void>;
}

/** A real mosquitto on a free loopback port with files of its own; not started yet. */
export async function createMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-mosquitto-'));
  const port = await freePort();
  const passwords = path.join(dir, 'passwords');
  const setUsers = (users: Readonly<Record<string, string>>) => {
    const lines = Object.entries(users).map(([user, password]) => `${user}:${password}\n`);
    writeFileSync(passwords, lines.join(''), { mode: 0o600 });
    execFileSync('mosquitto_passwd', ['-U', passwords]);
  };
  if (options.users !== undefined) setUsers(options.users);
  if (options.tls === true) makeAuthority(dir);
  if (options.tls === true)
    makeCertificate(dir, 'broker', 'localhost', options.names ?? 'DNS:localhost,IP:127.0.0.1');
  let diskFull = options.diskFull === true;
  const configText = () => [
    `listener ${port} 127.0.0.1`,
    ...(process.getuid?.() === 0 ? ['user root'] : []),
    ...(options.packetBytesMax === undefined ? [] : [`max_packet_size ${options.packetBytesMax}`]),
    ...(options.users !== undefined
      ? ['allow_anonymous false', `password_file ${passwords}`]
      : options.clientCertificates === true
        ? [`cafile ${path.join(dir, 'ca.crt')}`, 'require_certificate true', 'use_identity_as_username true']
        : ['allow_anonymous true']),
    ...(options.tls === true
      ? [`certfile ${path.join(dir, 'broker.crt')}`, `keyfile ${path.join(dir, 'broker.key')}`]
      : []),
    // The phone's copies are written to its socket at once, so that killing the broker cannot lose what it acknowledged.
    'max_inflight_messages 0',
    'max_queued_messages 0',
    ...(diskFull
      ? [
          'persistence true',
          `persistence_location ${dir}/`,
          'autosave_interval 1',
          'autosave_on_changes true',
        ]
      : ['persistence false']),
  ];
  const configFile = path.join(dir, 'mosquitto.conf');
  let child: ChildProcess | undefined;
  let output = '';

  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    if (ending === undefined) return;
    child = undefined;
    if (ending.exitCode !== null || ending.signalCode !== null) return;
    const gone = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    ending.kill('SIGCONT');
    await gone;
  };

  return {
    port,
    dir,
    url: `${options.tls === true ? 'mqtts' : 'mqtt'}://localhost:${port}`,
    caFile: path.join(dir, 'ca.crt'),
    clientCertificate(name) {
      makeCertificate(dir, name, name);
      return { certFile: path.join(dir, `${name}.crt`), keyFile: path.join(dir, `${name}.key`) };
    },
    async start() {
      writeFileSync(configFile, `${configText().join('\n')}\n`);
      // A limit of nothing on the size of files makes each write fail, as on a full disk, without needing one.
      const limited = 'trap "" XFSZ; ulimit -f 0; exec "$0" "$@"';
      const wrap = diskFull ? ['bash', '-c', limited] : [];
      const [program, ...args] = [...wrap, MOSQUITTO ?? 'mosquitto', '-c', configFile];
      const started = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      output = '';
      started.stdout.on('data', (chunk) => {
        output += chunk;
      });
      started.stderr.on('data', (chunk) => {
        output += chunk;
      });
      for (let tries = 0; tries < 500; tries++) {
        if (started.exitCode !== null) throw new Error(`mosquitto ended at once:\n${output}`);
        if (await answers(port)) return;
        await delay(10);
      }
      throw new Error(`mosquitto does not listen on ${port}:\n${output}`);
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    freeze: () => child?.kill('SIGSTOP'),
    thaw: () => child?.kill('SIGCONT'),
    setUsers(users) {
      setUsers(users);
      child?.kill('SIGHUP');
    },
    setDiskFull(full) {
      diskFull = full;
    },
    output: () => output,
    async dispose() {
      await end('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('no port'));
      });
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function openssl(dir: string, args: readonly string[]): void {
  execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
}

/** An authority of its own for each broker. */
function makeAuthority(dir: string): void {
  const files = ['-keyout', 'ca.key', '-out', 'ca.crt'];
  openssl(dir, ['req', '-x509', ...EC_KEY, ...files, '-days', '2', '-subj', '/CN=Test authority']);
}

/** `<file>.crt` and `<file>.key`, signed by the authority. */
function makeCertificate(dir: string, file: string, commonName: string, names?: string): void {
  const [key, request] = [`${file}.key`, `${file}.csr`];
  openssl(dir, ['req', ...EC_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${commonName}`]);
  const extensions = names === undefined ? 'basicConstraints=CA:FALSE' : `subjectAltName=${names}`;
  writeFileSync(path.join(dir, `${file}.ext`), `${extensions}\n`);
  const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
  openssl(dir, ['x509', '-req', '-in', request, ...signed, '-extfile', `${file}.ext`, '-out', `${file}.crt`]);
}
