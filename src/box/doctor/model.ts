import path from 'node:path';
import { readPromotions } from '../../adapters/files/promotion-file.js';
import { createFeatureKernel } from '../../adapters/native/features.js';
import { loadClassifier } from '../../adapters/onnx/classifier.js';
import { configuredStreams } from '../../config/configured-streams.js';
import { boxPaths } from '../../config/paths.js';
import { FEATURE_SET_VERSION } from '../../core/feature-set.js';
import { strangeMarket } from '../../core/model-market.js';
import { type Check, type Finding, findingOf, ok, warning } from './finding.js';

/** The model that would decide: whole, of this program's features, and trained on what it is used for. */
export const model: Check = {
  name: 'model',
  async look({ config }) {
    const findings: Finding[] = [];
    try {
      createFeatureKernel();
      findings.push(ok('native addon', `loads; it computes feature set ${FEATURE_SET_VERSION}`));
    } catch (error) {
      findings.push(findingOf('native addon', error, 'npm ci, on this machine'));
    }
    try {
      const { models } = boxPaths(config);
      const { current } = await readPromotions(models);
      const dir = current === null ? config.modelDir : path.join(models, current);
      const classifier = await loadClassifier(dir);
      const { manifest } = classifier;
      await classifier.close();
      const detail = `${dir} (${manifest.sha256.slice(0, 8)}), feature set ${manifest.featureSet}`;
      const strange = strangeMarket(manifest, configuredStreams(config));
      findings.push(
        strange?.fit !== 'off'
          ? ok('model', strange === null ? detail : `${detail}; ${strange.sentence}`)
          : warning(
              'model',
              `${detail}; it was trained on ${strange.trainedOn} and is used on ${strange.usedOn}`,
              'train one on your market: redbutton fetch, redbutton train',
            ),
      );
    } catch (error) {
      findings.push(findingOf('model', error));
    }
    return findings;
  },
};
