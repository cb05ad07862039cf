import { type KernelPath, loadFeatureAddon } from '../../src/adapters/native/addon.js';

/** Ways of computing features that this machine has, fastest first. */
export const kernelPaths = (): readonly KernelPath[] => loadFeatureAddon().featurePaths();
