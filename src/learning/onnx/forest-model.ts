import type { Forest } from '../../ports/model.js';
import {
  ELEMENT,
  floatsAttribute,
  integersAttribute,
  model,
  node,
  stringAttribute,
  stringsAttribute,
  tensor,
  tensorType,
  valueInfo,
} from './messages.js';

/** Names of the graph's inputs and outputs, as the manifest states them. */
export const FOREST_GRAPH = { input: 'features', label: 'label', probabilities: 'probabilities' } as const;

/**
 * The forest as an ONNX file: features float32 [rows, width] → Sub mean → Div std → TreeEnsembleClassifier →
 * label int64 [rows], probabilities float32 [rows, 2] (down, up). Scaling and comparison are the float32 operations the
 * trainer itself used, and every leaf's weight is a multiple of 2^-24, so each sum is exact and the answers equal the
 * trainer's bit for bit.
 */
export function forestToOnnx(forest: Forest): Uint8Array {
  const trees = forest.treeStart.length - 1;
  const treeIds: number[] = [];
  const nodeIds: number[] = [];
  const features: number[] = [];
  const modes: string[] = [];
  const lefts: number[] = [];
  const rights: number[] = [];
  const leafTrees: number[] = [];
  const leafNodes: number[] = [];
  const leafWeights: number[] = [];
  for (let tree = 0; tree < trees; tree++) {
    const start = forest.treeStart[tree]!;
    for (let at = start; at < forest.treeStart[tree + 1]!; at++) {
      const leaf = forest.feature[at]! < 0;
      treeIds.push(tree);
      nodeIds.push(at - start);
      features.push(leaf ? 0 : forest.feature[at]!);
      modes.push(leaf ? 'LEAF' : 'BRANCH_LEQ');
      lefts.push(leaf ? 0 : forest.left[at]!);
      rights.push(leaf ? 0 : forest.left[at]! + 1);
      if (!leaf) continue;
      leafTrees.push(tree);
      leafNodes.push(at - start);
      leafWeights.push(forest.weight[at]!);
    }
  }
  // Two labels and weights for a single class id: the engine takes the sum for the second label's probability p, answers
  // [1 − p, p] (1 − p is exact as well) and labels by p > 0.5. With weights for both ids it would label by p > 0.
  const ensemble = node({
    type: 'TreeEnsembleClassifier',
    domain: 'ai.onnx.ml',
    inputs: ['scaled'],
    outputs: [FOREST_GRAPH.label, FOREST_GRAPH.probabilities],
    attributes: [
      integersAttribute('nodes_treeids', treeIds),
      integersAttribute('nodes_nodeids', nodeIds),
      integersAttribute('nodes_featureids', features),
      stringsAttribute('nodes_modes', modes),
      floatsAttribute('nodes_values', forest.threshold),
      integersAttribute('nodes_truenodeids', lefts),
      integersAttribute('nodes_falsenodeids', rights),
      integersAttribute('class_treeids', leafTrees),
      integersAttribute('class_nodeids', leafNodes),
      integersAttribute(
        'class_ids',
        leafTrees.map(() => 0),
      ),
      floatsAttribute('class_weights', Float32Array.from(leafWeights)),
      integersAttribute('classlabels_int64s', [0, 1]),
      stringAttribute('post_transform', 'NONE'),
    ],
  });
  return model({
    graphName: 'forest',
    nodes: [
      node({ type: 'Sub', inputs: [FOREST_GRAPH.input, 'mean'], outputs: ['centred'] }),
      node({ type: 'Div', inputs: ['centred', 'std'], outputs: ['scaled'] }),
      ensemble,
    ],
    constants: [tensor('mean', [forest.width], forest.mean), tensor('std', [forest.width], forest.std)],
    inputs: [valueInfo(FOREST_GRAPH.input, tensorType(ELEMENT.float32, ['rows', forest.width]))],
    outputs: [
      valueInfo(FOREST_GRAPH.label, tensorType(ELEMENT.int64, ['rows'])),
      valueInfo(FOREST_GRAPH.probabilities, tensorType(ELEMENT.float32, ['rows', 2])),
    ],
  });
}
