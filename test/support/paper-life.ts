import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/adapters/duckdb/index.js';
import type { ModelManifest } from '../../src/core/manifest.js';
import { manifestText, parseManifest } from '../../src/core/manifest-schema.js';
import { familyOf } from '../../src/core/model-family.js';
import { seededRng } from '../../src/core/seeded-rng.js';
import { runSettingsText } from '../../src/pipeline/decision-settings.js';
import { BTC, barOf } from '../contract/store-rows.js';
import { CONFIG, SPOT } from './tiny-stream.js';

export const SHIPPED_MODEL = fileURLToPath(new URL('../../models/sp500-daily', import.meta.url));
export const MANIFEST = parseManifest(
  readFileSync(path.join(SHIPPED_MODEL, 'manifest.json'), 'utf8'),
  SHIPPED_MODEL,
);

export type TrainedOn = Partial<Record<'exchange' | 'symbol' | 'timeframe', string | null>>;

/** The shipped model, as trained on the market of {@link tradedOnPaper}, or where `market` differs. */
export function manifestOf(market: TrainedOn): ModelManifest {
  return { ...MANIFEST, training: { ...MANIFEST.training!, ...BTC, ...market } };
}

export interface PaperLife {
  readonly days: number;
  readonly family?: 'same' | 'other';
  /** Where it differs from the market that it traded on. */
  readonly trainedOn?: TrainedOn;
  /** The exchange of that life stood at an address of the box's own. */
  readonly redirected?: boolean;
}

/** What a paper trader leaves behind: a start, its model, and two decisions on each of so many days. */
export async function tradedOnPaper(database: string, life: PaperLife): Promise<void> {
  const { days, family = 'same', trainedOn = {}, redirected = false } = life;
  rmSync(database, { force: true });
  const store = await openStore({ path: database });
  const manifest = manifestText({
    ...manifestOf(trainedOn),
    ...(family === 'other' && { kind: 'external' }),
  });
  await store.recordModel({ modelHash: MANIFEST.sha256, event: 'loaded', manifest, atMs: 1 });
  const streams = [{ key: BTC, calendar: '24x7', rules: SPOT }] as const;
  await store.recordRun({
    atMs: 1,
    settings: runSettingsText(CONFIG, 3, streams, {
      mode: 'paper',
      family: familyOf(MANIFEST),
      redirected: redirected ? ['binance'] : [],
    }),
  });
  const rng = seededRng(1);
  for (let day = 0; day < days; day++) {
    // Before the simulator's own history
    for (const hour of [0, 5]) {
      const bar = barOf(BTC, (day - 100) * 24 + hour, {
        rng: rng.next,
        decided: true,
        predicted: true,
        risk: 'none',
      });
      await store.commitBar({ ...bar, prediction: { ...bar.prediction!, modelHash: MANIFEST.sha256 } });
    }
  }
  await store.close();
}
