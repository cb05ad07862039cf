import {
  ELEMENT,
  integersAttribute,
  model,
  node,
  tensor,
  tensorType,
  valueInfo,
} from '../../src/learning/onnx/messages.js';
import { concat, integerField, messageField, stringField } from '../../src/learning/onnx/wire.js';

/** `AttributeProto.AttributeType.INT`. */
const INTEGER = 2;

const integerAttribute = (name: string, value: number): Uint8Array =>
  concat([stringField(1, name), integerField(3, value), integerField(20, INTEGER)]);

/** Type of a sequence of maps from int64 to float, as ZipMap gives it. */
function sequenceOfMapsType(): Uint8Array {
  const map = messageField(5, [
    integerField(1, ELEMENT.int64),
    messageField(2, [tensorType(ELEMENT.float32, [])]),
  ]);
  return messageField(4, [messageField(1, [map])]);
}

/** A classifier as an exporter of another tool would leave it: P(up) = sigmoid of a weighted sum of the columns. */
export interface ExternalModel {
  readonly element?: 'float32' | 'float64';
  readonly width?: number;
  readonly rows?: number | string;
  readonly scaling?: boolean;
  /** What stands at the end. */
  readonly output?: 'pair' | 'column' | 'maps' | 'label' | 'three' | 'scores';
  /** Makes every answer not a number. */
  readonly notFinite?: boolean;
}

/** Weights of the columns; row · weights is the logit of P(up). */
export const EXTERNAL_WEIGHTS = [0.02, 1, 0.5, 0.1, 3, -2, 1, 0.5, -0.5];

export function externalModel(spec: ExternalModel = {}): Uint8Array {
  const element = spec.element ?? 'float32';
  const width = spec.width ?? 9;
  const rows = spec.rows ?? 'rows';
  const output = spec.output ?? 'pair';
  const type = ELEMENT[element];
  const values = (numbers: readonly number[]) =>
    element === 'float32' ? Float32Array.from(numbers) : Float64Array.from(numbers);
  const weights = Array.from({ length: width }, (_, c) => EXTERNAL_WEIGHTS[c % 9]!);
  const scaled = spec.scaling ? 'scaled' : 'input';
  const nodes = [
    ...(spec.scaling ? [node({ type: 'Sub', inputs: ['input', 'offset'], outputs: ['scaled'] })] : []),
    node({ type: 'MatMul', inputs: [scaled, 'weights'], outputs: ['logit'] }),
    node({ type: 'Sigmoid', inputs: ['logit'], outputs: ['up'] }),
    node({ type: 'Sub', inputs: ['one', 'up'], outputs: ['down'] }),
  ];
  const constants = [
    tensor('weights', [width, 1], values(weights)),
    tensor('one', [1], values([1])),
    tensor('zero', [1], values([0])),
    ...(spec.scaling
      ? [tensor('offset', [width], values(Array.from({ length: width }, (_, c) => (c === 0 ? 50 : 0))))]
      : []),
  ];
  let up = 'up';
  if (spec.notFinite) {
    nodes.push(node({ type: 'Sub', inputs: ['up', 'up'], outputs: ['nothing'] }));
    nodes.push(node({ type: 'Div', inputs: ['nothing', 'zero'], outputs: ['broken'] }));
    up = 'broken';
  }
  const join = (names: readonly string[], name: string) =>
    node({ type: 'Concat', inputs: names, outputs: [name], attributes: [integerAttribute('axis', 1)] });
  const outputs: Uint8Array[] = [];
  const label = () => {
    nodes.push(join(['down', up], 'pair_for_label'));
    nodes.push(
      node({
        type: 'ArgMax',
        inputs: ['pair_for_label'],
        outputs: ['output_label'],
        attributes: [integerAttribute('axis', 1), integerAttribute('keepdims', 0)],
      }),
    );
    outputs.push(valueInfo('output_label', tensorType(ELEMENT.int64, [rows])));
  };
  if (output === 'pair') {
    label();
    nodes.push(join(['down', up], 'probabilities'));
    outputs.push(valueInfo('probabilities', tensorType(type, [rows, 2])));
  } else if (output === 'column') {
    nodes.push(node({ type: 'Identity', inputs: [up], outputs: ['p'] }));
    outputs.push(valueInfo('p', tensorType(type, [rows, 1])));
  } else if (output === 'maps') {
    label();
    nodes.push(join(['down', up], 'probabilities'));
    nodes.push(
      node({
        type: 'ZipMap',
        domain: 'ai.onnx.ml',
        inputs: ['probabilities'],
        outputs: ['output_probability'],
        attributes: [integersAttribute('classlabels_int64s', [0, 1])],
      }),
    );
    outputs.push(valueInfo('output_probability', sequenceOfMapsType()));
  } else if (output === 'label') {
    label();
  } else if (output === 'three') {
    nodes.push(join(['down', up, up], 'probabilities'));
    outputs.push(valueInfo('probabilities', tensorType(type, [rows, 3])));
  } else {
    nodes.push(join(['logit', 'logit'], 'scores'));
    outputs.push(valueInfo('scores', tensorType(type, [rows, 2])));
  }
  return model({
    graphName: 'external',
    nodes,
    constants,
    inputs: [valueInfo('input', tensorType(type, [rows, width]))],
    outputs,
  });
}
