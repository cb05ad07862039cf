import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readBootId } from '../../src/adapters/clock/boot-id.js';
import type { GateState } from '../../src/core/gate-state.js';
import { encodePermit, PERMIT_BYTES } from '../../src/core/permit-record.js';
import type { TradingState } from '../../src/core/trading-state.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const RULES = path.join(root, 'systemd/redbutton-gate.nft');
const PROGRAM = process.env.REDBUTTON_GATE ?? path.join(root, 'native/build/Release/redbutton-gate');
const PEER = path.join(root, 'test/kernel-gate/peer.mjs');
const PERIOD_MS = 100;
/** The guard's. */
export const LIFE_MS = 500;
/** Where a guard's death is not the question: a machine that stalls this test must not look like one. */
const LONG_LIFE_MS = 5000;
const WAIT_MS_MAX = 40_000;
/** A receiver that takes little at a time, so that what is left to send leaves in many packets. */
const SMALL_WINDOW = '4096 16384 16384';

/** Why the gate cannot be tried here; null where it can. */
export function whyNot(): string | null {
  if (process.getuid?.() !== 0) return 'a network namespace needs root';
  for (const tool of ['unshare', 'nsenter', 'nft', 'tcpdump', 'ip'])
    if (spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0) return `${tool} is not installed`;
  if (!existsSync(PROGRAM)) return `${PROGRAM} was not built (npm run install)`;
  const { status, stderr } = spawnSync('unshare', ['-n', 'nft', '-f', RULES], { encoding: 'utf8' });
  return status === 0 ? null : `this kernel takes no such rules: ${stderr.trim()}`;
}

type Said = Record<string, unknown>;

/** A program of this world: what it said so far, and a way to tell it something. */
export interface Inmate {
  readonly child: ChildProcess;
  readonly said: Said[];
  tell(line: string): void;
  /** Waits for something said, now or before. */
  hears(what: (said: Said) => boolean, msMax?: number): Promise<Said>;
}

function runTo(program: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** A network of its own with the gate's rules, a permit that a guard would write, and programs at both ends of the wire. */
export class World {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'rb-gate-'));
  readonly guardDir = path.join(this.dir, 'guard');
  readonly permitFile = path.join(this.guardDir, 'permit');
  readonly #bootId = readBootId();
  readonly #children: ChildProcess[] = [];
  readonly #destroy: boolean;
  #holder!: ChildProcess;
  /** Another network behind a cable, where the servers are; undefined: they are in the same. */
  #far: ChildProcess | undefined;
  #renewal: NodeJS.Timeout | undefined;

  private constructor(destroy: boolean) {
    this.#destroy = destroy;
  }

  /** With `cable` servers are at 10.0.0.2, behind Ethernet. */
  static async create({ destroy = true, cable = false } = {}): Promise<World> {
    const world = new World(destroy);
    mkdirSync(world.guardDir);
    mkdirSync(path.join(world.dir, 'state'));
    world.#holder = await world.#network();
    if (cable) await world.#layCable();
    world.run('nft', '-f', RULES);
    return world;
  }

  async #network(): Promise<ChildProcess> {
    const up = `ip link set lo up && echo '${SMALL_WINDOW}' >/proc/sys/net/ipv4/tcp_rmem && echo up && exec sleep 600`;
    const holder = spawn('unshare', ['-n', 'sh', '-c', up], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(holder);
    await once(holder.stdout!, 'data');
    return holder;
  }

  async #layCable(): Promise<void> {
    this.#far = await this.#network();
    const far = String(this.#far.pid);
    this.run('sh', '-c', `ip link add name near type veth peer name far netns ${far}`);
    this.run('sh', '-c', 'ip addr add 10.0.0.1/24 dev near && ip link set near up');
    this.runFar('sh', '-c', 'ip addr add 10.0.0.2/24 dev far && ip link set far up');
  }

  #inside(command: readonly string[], network = this.#holder): [string, string[]] {
    return ['nsenter', ['-t', String(network.pid), '-n', ...command]];
  }

  /** Runs a command to its end and returns what it printed. */
  run(...command: string[]): string {
    return runTo(...this.#inside(command));
  }

  /** The same at the other end of the cable. */
  runFar(...command: string[]): string {
    return runTo(...this.#inside(command, this.#far));
  }

  #spawn(
    command: readonly string[],
    stderr: 'pipe' | 'inherit' = 'inherit',
    network = this.#holder,
  ): ChildProcess {
    const child = spawn(...this.#inside(command, network), { stdio: ['pipe', 'pipe', stderr] });
    this.#children.push(child);
    return child;
  }

  async startGate(): Promise<ChildProcess> {
    const options = ['--permit-folder', this.guardDir, '--state-folder', path.join(this.dir, 'state')];
    if (!this.#destroy) options.push('--no-destroy');
    // As its unit has it.
    const gate = this.#spawn(['nice', '-n', '-10', PROGRAM, ...options], 'pipe');
    gate.stderr!.resume();
    await this.until('the gate is ready', () => this.state() !== null);
    return gate;
  }

  state(): GateState | null {
    try {
      return JSON.parse(readFileSync(path.join(this.dir, 'state/state'), 'utf8')) as GateState;
    } catch {
      return null;
    }
  }

  async until(what: string, holds: () => boolean, msMax = WAIT_MS_MAX): Promise<void> {
    const startMs = Date.now();
    while (!holds()) {
      if (Date.now() - startMs > msMax)
        throw new Error(
          `${what}: not within ${msMax} ms; ${JSON.stringify(this.state())}\n${this.run('ss', '-tanoi')}`,
        );
      await delay(2);
    }
  }

  permitBytes(state: TradingState, epoch: number, lifeMs = LIFE_MS): Uint8Array {
    const bytes = new Uint8Array(PERMIT_BYTES);
    const expiresMonotonicMs = Number(process.hrtime.bigint()) / 1e6 + lifeMs;
    encodePermit({ state, epoch, expiresMonotonicMs, guardPid: process.pid }, this.#bootId, bytes);
    return bytes;
  }

  /** In place, as the guard does. */
  write(bytes: Uint8Array): void {
    const fd = openSync(this.permitFile, existsSync(this.permitFile) ? 'r+' : 'w+', 0o644);
    writeSync(fd, bytes, 0, bytes.length, 0);
    closeSync(fd);
  }

  /** Renews as a guard does until `halt`, `dies`, or the next call; resolves once the gate is open. */
  async arm(state: Exclude<TradingState, 'HALTED'>, epoch: number, lifeMs = LONG_LIFE_MS): Promise<void> {
    this.permit(state, epoch, lifeMs);
    await this.until('open', () => this.state()?.open === true && this.state()?.epoch === epoch);
  }

  permit(state: Exclude<TradingState, 'HALTED'>, epoch: number, lifeMs = LONG_LIFE_MS): void {
    clearInterval(this.#renewal);
    const renew = () => {
      this.write(this.permitBytes(state, epoch, lifeMs));
    };
    renew();
    this.#renewal = setInterval(renew, PERIOD_MS);
  }

  /** The press; returns when it was (Date.now()). */
  halt(epoch: number): number {
    clearInterval(this.#renewal);
    const atMs = Date.now();
    this.write(this.permitBytes('HALTED', epoch, 0));
    return atMs;
  }

  /** The guard is gone: nobody renews. */
  guardDies(): void {
    clearInterval(this.#renewal);
  }

  async peer(role: 'server' | 'slow-server' | 'client', port = 0): Promise<Inmate> {
    const network = role === 'client' ? this.#holder : (this.#far ?? this.#holder);
    const child = this.#spawn([process.execPath, PEER, role, String(port)], 'inherit', network);
    const said: Said[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => said.push(JSON.parse(line) as Said));
    const inmate: Inmate = {
      child,
      said,
      tell: (line) => void child.stdin!.write(`${line}\n`),
      hears: async (what, msMax) => {
        await this.until(`heard by ${role} (${JSON.stringify(said)})`, () => said.some(what), msMax);
        return said.find(what)!;
      },
    };
    if (role !== 'client') await inmate.hears(({ listening }) => listening === true);
    return inmate;
  }

  /** Captures packets with payload from the ports of orders; call the result for their times (Date.now()). */
  async capture(): Promise<() => Promise<number[]>> {
    const child = this.#spawn(
      [
        'tcpdump',
        '-i',
        'lo',
        '-n',
        '-tt',
        '-l',
        '--immediate-mode',
        '-q',
        'tcp and src portrange 61000-61991',
      ],
      'pipe',
    );
    const times: number[] = [];
    createInterface({ input: child.stdout! }).on('line', (line) => {
      // 1700000000.123456 IP 127.0.0.1.61224 > 127.0.0.1.8000: tcp 1400
      const [, seconds, bytes] = /^([\d.]+) .*: tcp (\d+)$/.exec(line) ?? [];
      if (Number(bytes) > 0) times.push(Number(seconds) * 1000);
    });
    await once(child.stderr!, 'data');
    await delay(200);
    return async () => {
      await delay(300);
      child.kill('SIGINT');
      await once(child, 'exit');
      return times;
    };
  }

  /** Loses packets with payload to `port` on the way, behind the gate; call the result to let them pass. */
  losePayload(port: number): () => void {
    this.run(
      'nft',
      `table inet line { chain output { type filter hook output priority 10; tcp dport ${port} meta length > 100 drop; }; }`,
    );
    return () => void this.run('nft', 'delete table inet line');
  }

  async dispose(): Promise<void> {
    clearInterval(this.#renewal);
    for (const child of this.#children) {
      child.kill('SIGCONT');
      child.kill('SIGKILL');
    }
    await Promise.all(
      this.#children.map((child) =>
        child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null,
      ),
    );
    rmSync(this.dir, { recursive: true, force: true });
  }
}
