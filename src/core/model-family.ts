import type { ModelManifest } from './manifest.js';

/**
 * What a model and those trained after it in its place have in common: how it was made, what it looks at, and how far ahead it
 * looks. A challenger that takes over is of its champion's family.
 */
export function familyOf({
  kind,
  featureSet,
  horizonBars,
}: Pick<ModelManifest, 'kind' | 'featureSet' | 'horizonBars'>): string {
  return `${kind}/${featureSet}/${horizonBars}`;
}
