import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { FixynnError, UnsupportedOpError } from "../../core/index.js";
import { type NodeName, nodeName } from "../../graph/index.js";
import { type QuantNetwork, type QuantNode, type QuantType, verifyQuantNetwork } from "../../quant/index.js";
import type { PaddingMode } from "../../tensor/index.js";
import {
  constantIntegers,
  parseTflite,
  type TfliteModel,
  type TfliteOperator,
  type TfliteTensor,
} from "./model.js";
import { layerName } from "./names.js";
import type { OperatorContext, OperatorImporter } from "./operator.js";
import { importAdd } from "./operators/elementwise.js";
import { importMean } from "./operators/mean.js";
import { importPool } from "./operators/pooling.js";
import { importConv2d, importDepthwise, importFullyConnected } from "./operators/weighted.js";

const importReshape: OperatorImporter = ({ name, source, output }) => ({
  kind: "reshape",
  name,
  input: source(0),
  output,
});

/** Operators that become a layer. */
const IMPORTERS: Readonly<Record<string, OperatorImporter>> = {
  ADD: importAdd,
  AVERAGE_POOL_2D: importPool,
  CONV_2D: importConv2d,
  DEPTHWISE_CONV_2D: importDepthwise,
  FULLY_CONNECTED: importFullyConnected,
  MAX_POOL_2D: importPool,
  MEAN: importMean,
  RESHAPE: importReshape,
  SQUEEZE: importReshape,
};

/** Operators that are taken, in the order of the alphabet. */
export const TFLITE_OPERATORS: readonly string[] = [...Object.keys(IMPORTERS), "PAD", "SOFTMAX"].sort();

class Refusal extends Error {}

/**
 * Integer type of a tensor, without the batch. Images of int8 are taken as unsigned bytes, 128 higher: the same integers less their
 * zero point.
 */
function typeOf(tensor: TfliteTensor, isImage: boolean): QuantType {
  const { type, quantization, shape } = tensor;
  const [scale, zeroPoint = 0] = [quantization.scales[0], quantization.zeroPoints[0]];
  if (type !== "uint8" && type !== "int8")
    throw new Refusal(`a tensor of ${type}; quantize the model to int8 or uint8`);
  if (quantization.scales.length !== 1 || scale === undefined)
    throw new Refusal("a tensor without one scale");
  if (shape[0] !== 1 || shape.length < 2)
    throw new Refusal(`a tensor of shape ${shape.join("x")}; batch 1 is supported`);
  const signed = type === "int8" && !isImage;
  return {
    shape: shape.slice(1),
    bits: 8,
    signed,
    scale,
    zeroPoint: type === "int8" && isImage ? zeroPoint + 128 : zeroPoint,
  };
}

class Importer {
  readonly #model: TfliteModel;
  /** Layer that computes each tensor; a padded tensor stands for what was padded. */
  readonly #layers = new Map<number, NodeName>();
  readonly #pads = new Map<number, { readonly of: number; readonly mode: PaddingMode }>();
  readonly #names = new Set<string>();
  readonly nodes: QuantNode[] = [];

  constructor(model: TfliteModel) {
    this.#model = model;
    const image = this.tensor(model.inputs[0]!);
    this.nodes.push({ kind: "input", name: this.#fresh(image, "input"), output: typeOf(image, true) });
    this.#layers.set(image.index, this.nodes[0]!.name);
  }

  tensor(index: number): TfliteTensor {
    const tensor = this.#model.tensors[index];
    if (tensor === undefined) throw new Refusal("an input is missing");
    return tensor;
  }

  /** Layer of a tensor, whatever padding lies between. */
  layerOf(index: number): NodeName {
    const name = this.#layers.get(this.#pads.get(index)?.of ?? index);
    if (name === undefined) throw new Refusal("its input is not computed by a supported operator");
    return name;
  }

  #fresh(tensor: TfliteTensor, op: string): NodeName {
    const base = op === "input" ? "image" : layerName(op, tensor.name);
    let name = base;
    for (let i = 2; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return nodeName(name);
  }

  /** Type of an operator's input: of what was padded, when a PAD lies before it. */
  #inputType(index: number): QuantType {
    const real = this.#pads.get(index)?.of ?? index;
    return typeOf(this.tensor(real), real === this.#model.inputs[0]);
  }

  #pad(operator: TfliteOperator): void {
    const pads = constantIntegers(this.tensor(operator.inputs[1]!));
    const [batch0, batch1, top, bottom, left, right, channel0, channel1] = pads;
    if (pads.length !== 8 || batch0 !== 0 || batch1 !== 0 || channel0 !== 0 || channel1 !== 0) {
      throw new Refusal("padding of the batch or the channels");
    }
    const takers = this.#model.operators.filter(({ inputs }) => inputs.includes(operator.outputs[0]!));
    if (takers.length === 0 || takers.some(({ op }) => op !== "CONV_2D" && op !== "DEPTHWISE_CONV_2D")) {
      throw new Refusal("padding before anything but a convolution");
    }
    const mode = { kind: "explicit", top: top!, bottom: bottom!, left: left!, right: right! } as const;
    this.#pads.set(operator.outputs[0]!, { of: operator.inputs[0]!, mode });
  }

  /** Append an operator's layer. */
  add(operator: TfliteOperator): void {
    const output = this.tensor(operator.outputs[0]!);
    if (operator.op === "PAD") {
      this.#pad(operator);
      return;
    }
    if (operator.op === "SOFTMAX") {
      // The order of the classes is that of the logits; as elsewhere, the network ends with these.
      if (!this.#model.outputs.includes(output.index)) throw new Refusal("a softmax that is not the output");
      this.#layers.set(output.index, this.layerOf(operator.inputs[0]!));
      return;
    }
    const importer = IMPORTERS[operator.op];
    if (importer === undefined) throw new Refusal(`supported are ${TFLITE_OPERATORS.join(", ")}`);
    const context: OperatorContext = {
      name: this.#fresh(output, operator.op),
      operator,
      input: (i) => this.tensor(operator.inputs[i] ?? -1),
      source: (i) => this.layerOf(operator.inputs[i] ?? -1),
      inputType: (i) => this.#inputType(operator.inputs[i] ?? -1),
      output: typeOf(output, false),
      paddedBefore: this.#pads.get(operator.inputs[0]!)?.mode,
      refuse: (hint) => {
        throw new Refusal(hint);
      },
    };
    // Named first, so that one refused operator does not make all that follow look unsupported too.
    this.#layers.set(output.index, context.name);
    this.nodes.push(importer(context));
  }
}

/**
 * Import a quantized TensorFlow Lite model as the integer network that it is: the same integers, the same arithmetic, in every layer.
 * A softmax at the end is left out.
 *
 * @param bytes content of the .tflite file
 * @throws FixynnError FX1016 when the file is damaged, FX1017 when it has several inputs or outputs
 * @throws UnsupportedOpError FX1003 listing every operator that cannot be imported, and why
 */
export function importTflite(bytes: Uint8Array, place: string): QuantNetwork {
  const model = parseTflite(bytes, place);
  if (model.inputs.length !== 1 || model.outputs.length !== 1) {
    throw new FixynnError("FX1017", `${model.inputs.length} inputs and ${model.outputs.length} outputs`, {
      place,
      hint: "a network must have one of each",
    });
  }
  const problems: { op: string; node: string; hint: string }[] = [];
  const attempt = (op: string, node: string, action: () => void): void => {
    try {
      action();
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause;
      problems.push({ op, node, hint: cause.message });
    }
  };
  let importer: Importer | undefined;
  attempt("input", "input", () => {
    importer = new Importer(model);
  });
  for (const operator of importer === undefined ? [] : model.operators) {
    const name = model.tensors[operator.outputs[0] ?? -1]?.name ?? "";
    attempt(operator.op, layerName(operator.op, name), () => importer!.add(operator));
  }
  if (problems.length > 0 || importer === undefined)
    throw new UnsupportedOpError("FX1003", problems, { place });
  const { scale, zeroPoint } = importer.nodes[0]!.output;
  return verifyQuantNetwork({
    kind: "quantNetwork",
    name: basename(place).replace(/\.tflite$/, ""),
    encoding: { scale, offset: 0 - scale * zeroPoint },
    nodes: importer.nodes,
    output: importer.layerOf(model.outputs[0]!),
  });
}

/** Read and import a quantized TensorFlow Lite file; see {@link importTflite}. */
export function importTfliteFile(path: string): QuantNetwork {
  return importTflite(readFileSync(path), path);
}
