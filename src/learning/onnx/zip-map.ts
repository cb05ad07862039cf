import { badInput } from '../../core/errors.js';
import { ELEMENT, GRAPH, MODEL, NODE, tensorType, VALUE, valueInfo } from './messages.js';
import { bytesField, concat, readFields, textOf, type WireField } from './wire.js';

/** A model file, and what was changed in it in words for the manifest (nothing: the bytes are the given ones). */
export interface RewrittenModel {
  readonly bytes: Uint8Array;
  readonly changes: readonly string[];
}

/**
 * Takes ZipMap nodes out of a model, so that what went into them becomes the output: exporters of scikit-learn models end
 * with one, which turns [rows, classes] into a sequence of maps, and the runtime's Node binding reads tensors alone. The
 * figures stay the same. Throws `E_MODEL_FILE` for bytes that are no ONNX model.
 */
export function withoutZipMap(file: Uint8Array): RewrittenModel {
  const fields = readFields(file);
  const graph = fields.find(({ field }) => field === MODEL.graph)?.bytes;
  if (graph === undefined) {
    throw badInput('E_MODEL_FILE', 'the model file holds no ONNX graph', 'export the model again');
  }
  const parts = readFields(graph).map(describe);
  const sources = new Map(
    parts.flatMap((part) => (part.zipMap ? [[part.zipMap.output, part.zipMap.input] as const] : [])),
  );
  if (sources.size === 0) return { bytes: file, changes: [] };

  const outputs = new Set(parts.flatMap((part) => (part.output === undefined ? [] : [part.output])));
  const kept = parts.flatMap((part) => {
    if (part.zipMap) return [];
    const source = part.output === undefined ? undefined : sources.get(part.output);
    if (source === undefined) return [part.field.whole];
    if (outputs.has(source)) return [];
    const type = tensorType(ELEMENT.float32, ['rows', 'classes']);
    return [bytesField(GRAPH.output, valueInfo(source, type))];
  });
  const graphField = bytesField(MODEL.graph, concat(kept));
  return {
    bytes: concat(fields.map(({ field, whole }) => (field === MODEL.graph ? graphField : whole))),
    changes: [...sources].map(
      ([output, input]) => `ZipMap removed: the tensor ${input} takes the place of the maps ${output}`,
    ),
  };
}

interface GraphPart {
  readonly field: WireField;
  readonly zipMap?: { readonly input: string; readonly output: string };
  /** Name, where the part is an output of the graph. */
  readonly output?: string;
}

function describe(field: WireField): GraphPart {
  if (field.bytes === undefined) return { field };
  if (field.field === GRAPH.output) return { field, output: textOf(readFields(field.bytes), VALUE.name) };
  if (field.field !== GRAPH.node) return { field };
  const node = readFields(field.bytes);
  if (textOf(node, NODE.type) !== 'ZipMap') return { field };
  return { field, zipMap: { input: textOf(node, NODE.input), output: textOf(node, NODE.output) } };
}
