// @module-tag processes

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Compiled, compile } from '../../support/compiled.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
/** No network: the runtime must send nothing from here, though it is let loose once. */
const CAGE = process.getuid?.() === 0 ? ['--net'] : ['--net', '--map-root-user'];
const caged = spawnSync('unshare', [...CAGE, 'true']).status === 0;

describe.skipIf(!caged)('the telemetry of ONNX Runtime', () => {
  let compiled: Compiled;
  const homes: string[] = [];
  beforeAll(() => {
    compiled = compile(['src/adapters/onnx/classifier.ts']);
  }, 120_000);
  afterAll(() => {
    compiled.remove();
    for (const home of homes) rmSync(home, { recursive: true, force: true });
  });

  /** Runs `code` as somebody whose home is empty, and says what files the runtime has left there. */
  function filesLeftBy(code: string): string[] {
    const home = mkdtempSync(path.join(tmpdir(), 'redbutton-home-'));
    homes.push(home);
    const { status, stderr } = spawnSync(
      'unshare',
      [...CAGE, process.execPath, '--input-type=module', '-e', code],
      // Whoever runs the tests under CI or with telemetry off would hide it.
      {
        cwd: root,
        env: { PATH: process.env.PATH, HOME: home, ORT_DISABLE_TELEMETRY: '0' },
        encoding: 'utf8',
      },
    );
    expect(status, stderr).toBe(0);
    return readdirSync(home, { recursive: true }).map(String);
  }

  it('is off before the first model is loaded, whatever the environment says', () => {
    const classifier = JSON.stringify(compiled.file('src/adapters/onnx/classifier.ts'));
    expect(
      filesLeftBy(
        `const { loadClassifier } = await import(${classifier}); await loadClassifier('models/sp500-daily');`,
      ),
    ).toEqual([]);
  });

  it('would be on without that: it names this machine in a file', () => {
    const left = filesLeftBy(
      `import { InferenceSession } from 'onnxruntime-node'; await InferenceSession.create('models/sp500-daily/model.onnx');`,
    );
    expect(left.map((name) => path.basename(name))).toContain('deviceid');
  });
});
