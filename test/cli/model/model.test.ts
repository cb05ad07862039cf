import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadClassifier } from '../../../src/adapters/onnx/classifier.js';
import { command } from '../../../src/cli/model/model.js';
import { MODEL_WIDTH } from '../../../src/core/feature-set.js';
import { captureIo } from '../../support/command-io.js';
import { EXTERNAL_WEIGHTS, type ExternalModel, externalModel } from '../../support/external-models.js';
import { labelledRows } from '../../support/labelled-rows.js';

const dir = mkdtempSync(path.join(os.tmpdir(), 'redbutton-model-'));
afterAll(() => rmSync(dir, { recursive: true }));
const scratch = (name: string) => path.join(dir, name);

function add(name: string, file: Uint8Array, ...more: string[]) {
  writeFileSync(scratch(`${name}.onnx`), file);
  const io = captureIo();
  const args = ['add', scratch(`${name}.onnx`), '--features', 'v1', '--out', scratch(name), ...more];
  return { io, run: command.run(args, io) };
}

describe('model add', () => {
  it.each([
    ['a float tensor', {}],
    ['a double tensor', { element: 'float64' }],
    ['scaling inside', { scaling: true }],
    ['one column of probability', { output: 'column' }],
    ['a sequence of maps', { output: 'maps' }],
    ['one row at a time', { rows: 1 }],
  ] as readonly [string, ExternalModel][])(
    'takes a model with %s, and it answers as before',
    async (name, spec) => {
      const { run } = add(name.replaceAll(' ', '-'), externalModel(spec));
      expect(await run).toBe(0);
      const classifier = await loadClassifier(scratch(name.replaceAll(' ', '-')));
      const { rows } = labelledRows(3, 95, 0);
      const answers = await classifier.predict(rows, 3);
      for (let i = 0; i < 3; i++) {
        const x = Array.from(rows.subarray(i * MODEL_WIDTH, (i + 1) * MODEL_WIDTH));
        if (spec.scaling) x[0]! -= 50;
        const logit = EXTERNAL_WEIGHTS.reduce((sum, w, c) => sum + w * x[c]!, 0);
        expect(answers[i]).toBeCloseTo(1 / (1 + Math.exp(-logit)), 5);
      }
      await classifier.close();
    },
  );

  it('says what it changed in the file', async () => {
    const file = externalModel({ output: 'maps' });
    const { io, run } = add('maps', file, '--json');
    expect(await run).toBe(0);
    const changes = [
      'ZipMap removed: the tensor probabilities takes the place of the maps output_probability',
    ];
    expect(JSON.parse(io.out())).toMatchObject({ changes });
    const manifest = JSON.parse(readFileSync(scratch('maps/manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({
      kind: 'external',
      imported: { sha256: createHash('sha256').update(file).digest('hex'), changes },
      calibration: { kind: 'identity' },
    });
  });

  it('leaves an unchanged file as it is, byte for byte', async () => {
    const file = externalModel();
    await add('same', file).run;
    expect(readFileSync(scratch('same/model.onnx'))).toEqual(Buffer.from(file));
  });

  it('reads P(up) from the column named', async () => {
    await add('turned', externalModel(), '--up-index', '0').run;
    await add('straight', externalModel()).run;
    const { rows } = labelledRows(1, 96, 0);
    const [turned, straight] = await Promise.all(
      ['turned', 'straight'].map(async (name) => {
        const classifier = await loadClassifier(scratch(name));
        const [p] = await classifier.predict(rows, 1);
        await classifier.close();
        return p!;
      }),
    );
    expect(turned! + straight!).toBeCloseTo(1, 6);
  });

  it.each([
    ['wide', externalModel({ width: 12 }), 'E_MODEL_WIDTH'],
    ['label', externalModel({ output: 'label' }), 'E_MODEL_NO_PROBABILITY'],
    ['scores', externalModel({ output: 'scores' }), 'E_MODEL_NO_PROBABILITY'],
    ['nan', externalModel({ notFinite: true }), 'E_MODEL_NOT_FINITE'],
    ['text', new TextEncoder().encode('this is no model'), 'E_MODEL_FILE'],
    ['empty', new Uint8Array(0), 'E_MODEL_FILE'],
    ['cut', externalModel().subarray(0, 200), 'E_MODEL_FILE'],
  ])('refuses %s and writes nothing', async (name, file, code) => {
    await expect(add(name, file).run).rejects.toMatchObject({ code, exitCode: 2 });
    expect(readdirSync(dir)).not.toContain(name);
  });

  it('refuses wrong usage', async () => {
    const run = (...args: string[]) => command.run(args, captureIo());
    await expect(run('remove', 'x')).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(run('add', 'x', '--out', 'y')).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(run('add', 'x', '--features', 'v9', '--out', 'y')).rejects.toMatchObject({
      code: 'E_MODEL_FEATURES',
    });
    const missing = run('add', scratch('none.onnx'), '--features', 'v1', '--out', scratch('y'));
    await expect(missing).rejects.toMatchObject({ code: 'E_MODEL_MISSING' });
  });
});
