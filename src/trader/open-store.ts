import path from 'node:path';
import { type DuckStore, openStore } from '../adapters/duckdb/index.js';
import { readPromotions } from '../adapters/files/promotion-file.js';
import { openRecoveryMarker, type RecoveryMarker } from '../adapters/files/recovery-mark.js';
import type { Log } from '../adapters/log/log.js';
import { loadClassifier } from '../adapters/onnx/classifier.js';
import { accountOf, boxPaths, makeDirectory, type Paths } from '../config/paths.js';
import { oneQuoteCurrency } from '../config/quote-currency.js';
import type { Config } from '../config/schema.js';
import type { RestoredState, RunRecord } from '../core/records.js';
import type { Clock } from '../ports/time.js';
import type { Closing } from './closing.js';
import { DecidingModel } from './deciding-model.js';
import type { LiveStart } from './live-start.js';

/** The first phase of a start: what the box decides with, and what it knows of its past. */
export interface OpenedStore {
  readonly paths: Paths;
  readonly store: DuckStore;
  readonly restored: RestoredState;
  /** Earlier starts of the box. */
  readonly runs: readonly RunRecord[];
  readonly recovery: RecoveryMarker;
  readonly deciding: DecidingModel;
  readonly modelDir: string;
}

/** A smaller file is not worth the writing. */
const COMPACTION_BYTES_MIN = 64_000_000;

/** Throws all reasons at once where the box may not trade real money and holds nothing. */
export async function openTraderStore(
  { config, clock, log }: { readonly config: Config; readonly clock: Clock; readonly log: Log },
  liveStart: LiveStart,
  closing: Closing,
): Promise<OpenedStore> {
  const paths = boxPaths(config);
  const { current: promoted } = await readPromotions(paths.models);
  const modelDir = promoted === null ? config.modelDir : path.join(paths.models, promoted);
  await liveStart.begin(modelDir);
  oneQuoteCurrency(config);
  for (const dir of [config.device.stateDir, config.device.runDir]) makeDirectory(dir);
  const deciding = new DecidingModel(await loadClassifier(modelDir));
  const recovery = openRecoveryMarker(paths.recoveryMark);
  const store = await openStore({
    path: paths.database,
    journal: paths.journal,
    owner: { box: config.device.name, account: accountOf(config) },
    onDamaged: 'put-aside',
    onLoss: (loss) => recovery.set(loss, clock.wallMs()),
    handoverDir: paths.handover,
    archiveDir: paths.archive,
    compaction: {
      freeShareMax: config.storage.compactFreeShare,
      freeBytesMin: COMPACTION_BYTES_MIN,
      diskReserveBytes: config.storage.diskReserveMb * 1_000_000,
    },
  });
  closing.add(() => store.close());
  closing.add(() => deciding.close());
  if (store.compacted !== null) log.info(store.compacted, 'the database file was rewritten');
  const { restored, runs } = await liveStart.opened(store);
  return { paths, store, restored, runs, recovery, deciding, modelDir };
}
