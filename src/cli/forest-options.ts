import { availableParallelism } from 'node:os';
import type { OptionTable, Values } from '../console/option-table.js';
import { whole } from '../console/option-values.js';
import { FOREST_DEFAULTS } from '../learning/train.js';
import type { ForestOptions } from '../ports/model.js';

/** How a forest is grown, for each command that trains one. */
export const FOREST_OPTIONS = {
  seed: {
    value: 'N',
    help: 'seed of the random numbers',
    default: String(FOREST_DEFAULTS.seed),
    read: whole(0, Number.MAX_SAFE_INTEGER),
  },
  trees: {
    value: 'N',
    help: 'trees of the forest',
    default: String(FOREST_DEFAULTS.trees),
    read: whole(1, 10_000),
  },
  depth: {
    value: 'N',
    help: 'levels of splits, up to 15',
    default: String(FOREST_DEFAULTS.depthMax),
    read: whole(1, 15),
  },
  'min-leaf': {
    value: 'N',
    help: 'fewest rows of a leaf',
    default: String(FOREST_DEFAULTS.leafRowsMin),
    read: whole(1, 1_000_000),
  },
  threads: {
    value: 'N',
    help: 'threads in use',
    default: String(availableParallelism()),
    otherwise: 'as many as the machine has',
    read: whole(1, 256),
  },
} as const satisfies OptionTable;

export const forestOf = (values: Values<typeof FOREST_OPTIONS>): ForestOptions => ({
  ...FOREST_DEFAULTS,
  seed: values.seed,
  trees: values.trees,
  depthMax: values.depth,
  leafRowsMin: values['min-leaf'],
  threads: values.threads,
});
