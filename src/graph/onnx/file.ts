import { FixynnError } from "../../core/index.js";
import { elementCount, type Shape } from "../../tensor/index.js";
import type { Graph, InputEncoding } from "../nodes.js";
import { channelsFirst, lowerGraph, ONNX_INPUT } from "./export.js";
import { OnnxBuilder, type OnnxModel, type OnnxValueInfo } from "./model.js";
import { renameValues } from "./rename.js";

/** How a model for other tools is made. */
export type OnnxFileOptions = {
  /**
   * `float32` (default): the input is real = scale · byte + offset, as the metadata say. `uint8`: the input is image
   * bytes, and the model applies the encoding itself.
   */
  readonly inputDType?: "float32" | "uint8";
  /** Images at once; default "N", free. */
  readonly batch?: number | "N";
  /** One for each logit; they go into the metadata. */
  readonly classNames?: readonly string[];
  /** Version of fixynn, for the file's head. */
  readonly producerVersion?: string;
};

/** What the head of a file says of the model. */
type FileHead = Required<Pick<OnnxModel, "doc" | "metadata">> & Pick<OnnxModel, "producerVersion">;

/** Pixel ranges that ONNX has names for (onnx, docs/MetadataProps.md). */
const NOMINAL_RANGES: readonly { readonly name: string; readonly low: number; readonly high: number }[] = [
  { name: "NominalRange_0_255", low: 0, high: 255 },
  { name: "Normalized_0_1", low: 0, high: 1 },
  { name: "Normalized_1_1", low: -1, high: 1 },
];

function nominalRange({ scale, offset }: InputEncoding): string | undefined {
  const near = (a: number, b: number): boolean => Math.abs(a - b) < 1e-6 * scale * 255;
  return NOMINAL_RANGES.find(({ low, high }) => near(low, offset) && near(high, offset + 255 * scale))?.name;
}

/**
 * Describe a model in the head of its file: documentation and metadata. Keys: `fixynn.encoding.scale` and
 * `fixynn.encoding.offset` (real = scale · byte + offset), `fixynn.class_names` (a JSON list), and those that ONNX has
 * for images.
 *
 * @throws FixynnError FX1018 when there are not as many class names as logits
 */
export function onnxFileHead(
  model: { readonly name: string; readonly encoding: InputEncoding; readonly what: string },
  shapes: { readonly input: Shape; readonly output: Shape },
  options: OnnxFileOptions,
): FileHead {
  const { encoding } = model;
  const { classNames, inputDType = "float32" } = options;
  if (classNames !== undefined && classNames.length !== elementCount(shapes.output)) {
    throw new FixynnError(
      "FX1018",
      `${classNames.length} class names for ${elementCount(shapes.output)} logits`,
      {
        place: model.name,
        hint: "give one name for each output, in order",
      },
    );
  }
  const isBytes = inputDType === "uint8";
  const channels = shapes.input.at(-1);
  const range = isBytes ? "NominalRange_0_255" : nominalRange(encoding);
  const pixels = channels === 3 ? "Rgb8" : channels === 1 ? "Gray8" : undefined;
  return {
    doc: `${model.name}: ${model.what}. ${inputDoc(encoding, isBytes)}`,
    ...(options.producerVersion === undefined ? {} : { producerVersion: options.producerVersion }),
    metadata: {
      "fixynn.encoding.scale": `${encoding.scale}`,
      "fixynn.encoding.offset": `${encoding.offset}`,
      ...(pixels === undefined ? {} : { "Image.BitmapPixelFormat": pixels }),
      ...(range === undefined ? {} : { "Image.NominalPixelRange": range }),
      ...(classNames === undefined ? {} : { "fixynn.class_names": JSON.stringify(classNames) }),
    },
  };
}

/** Say what to feed. */
export function inputDoc({ scale, offset }: InputEncoding, isBytes: boolean): string {
  const shift = offset === 0 ? "" : ` ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`;
  return isBytes
    ? "Input: image bytes, channels first (NCHW)."
    : `Input: image bytes encoded as ${scale} * byte${shift}, channels first (NCHW).`;
}

/**
 * Make the ONNX model of a float network for other tools (opset 17, standard operators): images channels first (NCHW), the
 * batch free, values and nodes named as the layers, parameters `LAYER/weights` and so on. See docs/export.md.
 *
 * @throws FixynnError FX1018 when there are not as many class names as logits
 */
export function floatOnnxModel(graph: Graph, options: OnnxFileOptions = {}): OnnxModel {
  const { batch = "N", inputDType = "float32" } = options;
  const onnx = new OnnxBuilder();
  const lowered = lowerGraph(onnx, graph, { batch, inputDType, layout: "nchw" });
  const input = graph.nodes[0]!;
  const preferred = new Map([[ONNX_INPUT, input.name as string]]);
  const values: OnnxValueInfo[] = [];
  const shapeOf = (shape: Shape): OnnxValueInfo["shape"] => [batch, ...channelsFirst(shape)];
  // The output first: where layers share a value (dropout is the identity), its name counts.
  const output = graph.nodes.find(({ name }) => name === graph.output)!;
  for (const node of [output, ...graph.nodes]) {
    const { value, shape } = lowered.get(node.name) ?? { value: undefined, shape: node.shape };
    if (value === undefined || preferred.has(value) || node === input) continue;
    preferred.set(value, node.name);
    if (node !== output) values.push({ name: value, dtype: "float32", shape: shapeOf(shape) });
  }
  onnx.output(lowered.get(graph.output)!.value, "float32", shapeOf(output.shape));
  const named = renameValues({ ...onnx.build(graph.name), values }, preferred);
  const isBytes = inputDType === "uint8";
  const what = { name: graph.name, encoding: graph.encoding, what: "float network" };
  return {
    ...named,
    ...onnxFileHead(what, { input: input.shape, output: output.shape }, options),
    inputs: named.inputs.map((info) => ({ ...info, doc: inputDoc(graph.encoding, isBytes) })),
  };
}
