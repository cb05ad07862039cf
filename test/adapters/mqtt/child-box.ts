import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** The adapter compiled into a folder of its own, so that a bare Node can run it as a process that may be killed. */
export interface CompiledAdapter {
  /** Starts a box in a child process; resolves once it says that it is connected. */
  launch(url: string, keepaliveSeconds: number, protocolVersion?: 4 | 5): Promise<ChildProcess>;
  dispose(): void;
}

export function compileAdapter(): CompiledAdapter {
  const dir = mkdtempSync(path.join(tmpdir(), 'redbutton-child-box-'));
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  const sources = ['src/adapters/mqtt/index.ts', 'src/adapters/clock/system-clock.ts'];
  const options =
    '--ignoreConfig --rootDir src --module nodenext --target es2022 --types node --skipLibCheck';
  execFileSync(tsc, [...sources, '--outDir', dir, ...options.split(' ')], { cwd: root, stdio: 'pipe' });
  symlinkSync(path.join(root, 'node_modules'), path.join(dir, 'node_modules'));
  writeFileSync(path.join(dir, 'package.json'), '{"type":"module"}\n');
  writeFileSync(
    path.join(dir, 'box.js'),
    `import { createSystemClock } from './adapters/clock/system-clock.js';
import { MqttAlerts } from './adapters/mqtt/index.js';
const [url, keepalive, protocolVersion] = process.argv.slice(2);
const alerts = new MqttAlerts({
  config: { url, keepaliveSeconds: Number(keepalive), protocolVersion: Number(protocolVersion), discoveryPrefix: '' },
  alerts: { perCodeMax: 10, rateWindowMs: 1000, backlogPerSecondMax: 100 },
  clientIdFile: process.cwd() + '/client-id', device: 'child-box', role: 'trader', credentials: {}, version: '0',
  outbox: { add: async () => {}, remove: async () => {}, pending: async () => [] },
  onHalt: () => process.stdout.write('halt\\n'),
  clock: createSystemClock(), log: { info() {}, warn() {}, error() {} },
});
await alerts.start();
while (!alerts.connected()) await new Promise((resolve) => setTimeout(resolve, 5));
process.on('SIGTERM', () => alerts.stop());
process.stdout.write('connected\\n');
`,
  );
  return {
    launch(url, keepaliveSeconds, protocolVersion = 5) {
      const file = fileURLToPath(pathToFileURL(path.join(dir, 'box.js')));
      const child = spawn(process.execPath, [file, url, String(keepaliveSeconds), String(protocolVersion)], {
        stdio: ['ignore', 'pipe', 'inherit'],
        cwd: dir,
      });
      return new Promise((resolve, reject) => {
        child.stdout.once('data', () => resolve(child));
        child.once('exit', (code) => reject(new Error(`the child ended with ${code}`)));
      });
    },
    dispose: () => rmSync(dir, { recursive: true, force: true }),
  };
}
