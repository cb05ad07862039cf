import {
  bytesField,
  concat,
  float32Bytes,
  float64Bytes,
  integerField,
  messageField,
  packedFloats,
  packedIntegers,
  stringField,
} from './wire.js';

/** ONNX messages by their field numbers in onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). */

/** `TensorProto.DataType`. */
export const ELEMENT = { float32: 1, int64: 7, string: 8, float64: 11 } as const;

/** `AttributeProto.AttributeType`. */
const ATTRIBUTE = { string: 3, floats: 6, integers: 7, strings: 8 } as const;

/** Field numbers that reading needs too. */
export const MODEL = { opset: 8, graph: 7 } as const;
export const GRAPH = { node: 1, name: 2, initializer: 5, input: 11, output: 12 } as const;
export const NODE = { input: 1, output: 2, type: 4, attribute: 5, domain: 7 } as const;
export const VALUE = { name: 1, type: 2 } as const;

export type Attribute = Uint8Array;

function attribute(name: string, type: number, value: readonly Uint8Array[]): Attribute {
  return concat([stringField(1, name), ...value, integerField(20, type)]);
}

export const stringAttribute = (name: string, value: string): Attribute =>
  attribute(name, ATTRIBUTE.string, [stringField(4, value)]);

export const floatsAttribute = (name: string, values: Float32Array): Attribute =>
  attribute(name, ATTRIBUTE.floats, [packedFloats(7, values)]);

export const integersAttribute = (name: string, values: Iterable<number>): Attribute =>
  attribute(name, ATTRIBUTE.integers, [packedIntegers(8, values)]);

export const stringsAttribute = (name: string, values: readonly string[]): Attribute =>
  attribute(
    name,
    ATTRIBUTE.strings,
    values.map((value) => stringField(9, value)),
  );

export interface NodeSpec {
  readonly type: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: readonly Attribute[];
  /** '' is ai.onnx. */
  readonly domain?: string;
}

export function node(spec: NodeSpec): Uint8Array {
  return concat([
    ...spec.inputs.map((name) => stringField(NODE.input, name)),
    ...spec.outputs.map((name) => stringField(NODE.output, name)),
    stringField(3, `${spec.type}_${spec.outputs[0] ?? ''}`),
    stringField(NODE.type, spec.type),
    ...(spec.attributes ?? []).map((one) => bytesField(NODE.attribute, one)),
    stringField(NODE.domain, spec.domain ?? ''),
  ]);
}

/** A constant of the graph. */
export function tensor(
  name: string,
  dims: readonly number[],
  values: Float32Array | Float64Array,
): Uint8Array {
  const double = values instanceof Float64Array;
  return concat([
    packedIntegers(1, dims),
    integerField(2, double ? ELEMENT.float64 : ELEMENT.float32),
    stringField(8, name),
    bytesField(9, double ? float64Bytes(values) : float32Bytes(values)),
  ]);
}

/** Type of a tensor; a string stands for a dimension known only at run time. */
export function tensorType(element: number, dims: readonly (number | string)[]): Uint8Array {
  const shape = dims.map((dim) =>
    messageField(1, [typeof dim === 'number' ? integerField(1, dim) : stringField(2, dim)]),
  );
  return messageField(1, [integerField(1, element), messageField(2, shape)]);
}

/** An input or output of the graph. */
export function valueInfo(name: string, type: Uint8Array): Uint8Array {
  return concat([stringField(VALUE.name, name), bytesField(VALUE.type, type)]);
}

export interface ModelSpec {
  readonly graphName: string;
  readonly nodes: readonly Uint8Array[];
  readonly constants: readonly Uint8Array[];
  readonly inputs: readonly Uint8Array[];
  readonly outputs: readonly Uint8Array[];
}

/** A whole model file: IR version 8, opsets ai.onnx 17 and ai.onnx.ml 3. */
export function model(spec: ModelSpec): Uint8Array {
  return concat([
    integerField(1, 8),
    stringField(2, 'redbutton'),
    messageField(MODEL.graph, [
      ...spec.nodes.map((one) => bytesField(GRAPH.node, one)),
      stringField(GRAPH.name, spec.graphName),
      ...spec.constants.map((one) => bytesField(GRAPH.initializer, one)),
      ...spec.inputs.map((one) => bytesField(GRAPH.input, one)),
      ...spec.outputs.map((one) => bytesField(GRAPH.output, one)),
    ]),
    messageField(MODEL.opset, [stringField(1, ''), integerField(2, 17)]),
    messageField(MODEL.opset, [stringField(1, 'ai.onnx.ml'), integerField(2, 3)]),
  ]);
}
