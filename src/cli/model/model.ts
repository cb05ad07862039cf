import { defineVerbs } from '../../console/command.js';
import { MODEL_COLUMNS } from '../../core/feature-set.js';
import { ADD_OPTIONS, modelAdd } from './add.js';
import { DIRECTORY_OPTIONS, modelList, modelPromote, modelRollback, modelShow } from './directory.js';
import { modelHealth, modelRetrain } from './health.js';
import { modelShadow, SHADOW_OPTIONS } from './shadow.js';

export const command = defineVerbs({
  name: 'model',
  summary: 'list, train, promote and import models',
  page: [
    `health asks the running trader how its model is doing. retrain makes it train a
challenger and compare it with the model on rows that neither has seen; the
challenger wins only when it is better by a margin, with significance.

shadow compares the predictions of the configured shadow model, which are
recorded and never traded, with those of the model that decided.

list, show, promote and rollback work on the models that were trained on this
box, including those that did not win: promote puts one to use, rollback returns
to the one before it. Both check the model first; a running trader switches
between two bars, one that is not running at its next start.`,
    { models: DIRECTORY_OPTIONS.models, ...SHADOW_OPTIONS, config: DIRECTORY_OPTIONS.config },
    `add checks a classifier exported elsewhere on a probe batch and writes it, with a
manifest, to DIR. It takes one float or double input of [rows, ${MODEL_COLUMNS.length}], in the order
  ${MODEL_COLUMNS.slice(0, 5).join(', ')},
  ${MODEL_COLUMNS.slice(5).join(', ')}
unscaled (scaling belongs into the graph), and gives the probabilities of down
and up as a tensor or, as scikit-learn's exporters do, as a sequence of maps;
the ZipMap that makes the maps is taken out, and the manifest says so. Refused,
with the reason: another width, no probability, figures that are not finite.

A model from elsewhere has no calibration and no reference of its training
data: its probabilities are taken as they are, and drift is not watched.`,
    ADD_OPTIONS,
  ],
  verbs: {
    health: modelHealth,
    retrain: modelRetrain,
    shadow: modelShadow,
    list: modelList,
    show: modelShow,
    promote: modelPromote,
    rollback: modelRollback,
    add: modelAdd,
  },
});
