import { z } from 'zod';
import { badInput, messageOf } from './errors.js';
import { FEATURE_COLUMNS } from './feature-set.js';
import type { ModelManifest } from './manifest.js';

const column = z.enum(FEATURE_COLUMNS);
const count = z.number().int().min(0);
const score = z.number().min(0).max(1).nullable();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits');

const challenge = z.strictObject({
  championSha256: sha256,
  promoted: z.boolean(),
  reason: z.enum(['better', 'not_better', 'not_significant', 'too_few_rows']),
  rows: count,
  championAuc: score,
  challengerAuc: score,
  difference: z
    .strictObject({ difference: z.number(), standardError: z.number().min(0), pGreater: z.number() })
    .nullable(),
  folds: z.array(
    z.strictObject({ fromMs: z.number(), rows: count, championAuc: score, challengerAuc: score }),
  ),
});

const schema: z.ZodType<ModelManifest> = z.strictObject({
  manifestVersion: z.literal(1),
  kind: z.string().min(1),
  featureSet: z.string().min(1),
  columns: z.array(column).min(1),
  horizonBars: z.number().int().min(1),
  input: z.strictObject({ name: z.string().min(1), type: z.enum(['float32', 'float64']) }),
  output: z.strictObject({
    name: z.string().min(1),
    form: z.literal('tensor'),
    upIndex: z.number().int().min(0).max(1),
  }),
  batchable: z.boolean(),
  sha256,
  calibration: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('identity') }),
    // A rising logit must never lower the calibrated probability: that would turn every signal round.
    z.strictObject({ kind: z.literal('platt'), a: z.number().max(0), b: z.number() }),
    z
      .strictObject({
        kind: z.literal('isotonic'),
        x: z.array(z.number().min(0).max(1)).min(1),
        y: z.array(z.number().min(0).max(1)).min(1),
      })
      .refine(({ x, y }) => x.length === y.length, 'expected as many y as x')
      .refine(({ x }) => x.every((at, i) => i === 0 || at > x[i - 1]!), 'expected rising x')
      .refine(({ y }) => y.every((at, i) => i === 0 || at >= y[i - 1]!), 'expected y that does not fall'),
  ]),
  training: z
    .strictObject({
      exchange: z.string().nullable(),
      symbol: z.string().nullable(),
      timeframe: z.string().nullable(),
      fromMs: z.number(),
      toMs: z.number(),
      rows: count,
      seed: count,
      parameters: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
    })
    .nullable(),
  evaluation: z
    .strictObject({
      trainedRows: count,
      heldOutRows: count,
      heldOutFromMs: z.number(),
      heldOutToMs: z.number(),
      heldOutAuc: score,
      outOfBagAuc: score,
      brier: score,
      brierCalibrated: score,
      brierBaseRate: score,
    })
    .nullable(),
  reference: z.array(
    z
      .strictObject({
        column,
        edges: z.array(z.number()).min(2),
        counts: z.array(count).min(1),
        min: z.number(),
        max: z.number(),
      })
      .refine((one) => one.edges.length === one.counts.length + 1, 'expected one edge more than counts')
      .refine((one) => one.edges.every((edge, i) => i === 0 || edge > one.edges[i - 1]!), {
        message: 'expected rising edges',
      }),
  ),
  featureImportance: z.partialRecord(column, z.number().min(0).max(1)),
  imported: z.strictObject({ sha256, changes: z.array(z.string()) }).nullable(),
  challenge: challenge.optional(),
  createdAt: z.iso.datetime(),
});

/** Reads a manifest's text. Throws `E_MODEL_MANIFEST` with every mistake and its path; `place` names the file. */
export function parseManifest(text: string, place: string): ModelManifest {
  const remedy = 'restore the model folder whole, or train again';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badInput('E_MODEL_MANIFEST', `${place} is no JSON: ${messageOf(error)}`, remedy, error);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'top level'}: ${issue.message}`,
  );
  throw badInput('E_MODEL_MANIFEST', `${place} is no manifest of ours: ${mistakes.join('; ')}`, remedy);
}

/** The text of a manifest, as it is written and read back. */
export function manifestText(manifest: ModelManifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
