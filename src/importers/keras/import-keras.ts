import { z } from "zod";
import { FixynnError, UnsupportedOpError } from "../../core/index.js";
import { type Graph, GraphBuilder, type InputEncoding, type NodeName, nodeName } from "../../graph/index.js";
import type { Shape } from "../../tensor/index.js";
import { type KerasLayer, type KerasModel, parseModelConfig } from "./config.js";
import { type KerasFile, withKerasFile } from "./hdf5.js";
import type { LayerImporter } from "./layer.js";
import { activationLayers } from "./layers/activation.js";
import { convolutionLayers } from "./layers/convolution.js";
import { denseLayers } from "./layers/dense.js";
import { mergeLayers } from "./layers/merge.js";
import { normalizationLayers } from "./layers/normalization.js";
import { poolingLayers } from "./layers/pooling.js";
import { shapeLayers } from "./layers/shape.js";

/** How to import a Keras file. */
export type KerasImportOptions = {
  /** What the model was trained on; a Keras file does not say. Default real = byte / 127.5 − 1. */
  readonly encoding?: InputEncoding;
  /** Side of the square input, in pixels, for models whose file leaves it open or to run at another size. */
  readonly inputSide?: number;
};

const IMPORTERS: ReadonlyMap<string, LayerImporter> = new Map(
  Object.entries({
    ...convolutionLayers,
    ...normalizationLayers,
    ...activationLayers,
    ...poolingLayers,
    ...shapeLayers,
    ...denseLayers,
    ...mergeLayers,
  }),
);

/** Classes of Keras layers that can be imported. */
export const KERAS_LAYERS: readonly string[] = ["InputLayer", ...IMPORTERS.keys()];

const HINTS: Readonly<Record<string, string>> = {
  Functional: "nested models are not supported; rebuild the model flat",
  Model: "nested models are not supported; rebuild the model flat",
  Sequential: "nested models are not supported; rebuild the model flat",
  Rescaling: "remove it and give the input encoding instead",
  Normalization: "remove it and give the input encoding instead",
  LeakyReLU: "use ReLU",
  Concatenate: "only Add merges branches",
};

type Problem = { readonly op: string; readonly node: string; readonly hint: string };

function checkLayer(layer: KerasLayer): readonly Problem[] {
  const report = (hint: string): Problem => ({ op: layer.className, node: layer.name, hint });
  const own = layer.problem === undefined ? [] : [report(layer.problem)];
  if (layer.className === "InputLayer") return own;
  const importer = IMPORTERS.get(layer.className);
  if (importer === undefined) {
    return [...own, report(HINTS[layer.className] ?? `supported layers: ${KERAS_LAYERS.join(", ")}`)];
  }
  const inputs =
    layer.problem === undefined && layer.inputs.length !== importer.inputs
      ? [report(`it has ${layer.inputs.length} inputs; ${importer.inputs} are supported`)]
      : [];
  return [...own, ...inputs, ...importer.check(layer.config).map(report)];
}

/** Report everything that cannot be imported, at once and before any weight is read. */
function checkModel(model: KerasModel, path: string): void {
  const problems: Problem[] = [];
  const entries = model.layers.filter(({ className }) => className === "InputLayer");
  if (model.inputs.length !== 1 || entries.length !== 1) {
    problems.push({ op: "Model", node: model.name, hint: "exactly one input is supported" });
  }
  if (model.outputs.length !== 1) {
    const hint = `it has ${model.outputs.length} outputs; exactly one is supported`;
    problems.push({ op: "Model", node: model.name, hint });
  }
  problems.push(...model.layers.flatMap(checkLayer));
  if (problems.length > 0) throw new UnsupportedOpError("FX1003", problems, { place: path });
}

const extents = z.array(z.int().positive().nullable());
const inputSchema = z.object({ batch_input_shape: extents.optional(), batch_shape: extents.optional() });

function inputShape(layer: KerasLayer, path: string, side: number | undefined): Shape {
  const place = `${path}: layer ${layer.name}`;
  const parsed = inputSchema.safeParse(layer.config);
  const shape = parsed.success ? (parsed.data.batch_input_shape ?? parsed.data.batch_shape) : undefined;
  if (shape === undefined) {
    throw new FixynnError("FX1007", "the file does not tell the input shape", {
      place,
      hint: "give the model an Input layer and save it again",
    });
  }
  const [, ...image] = shape;
  if (side !== undefined && image.length === 3) {
    image[0] = side;
    image[1] = side;
  }
  return image.map((extent, axis) => {
    if (extent !== null) return extent;
    const hint =
      axis < 2
        ? "choose the size with the option inputSide"
        : "save the model with a fixed number of channels";
    throw new FixynnError("FX1007", `the input shape (${image.map((e) => e ?? "?").join(", ")}) is open`, {
      place,
      hint,
    });
  });
}

function buildGraph(model: KerasModel, file: KerasFile, path: string, options: KerasImportOptions): Graph {
  const builder = new GraphBuilder();
  const values = new Map<string, NodeName>();
  const taken = new Set(model.layers.map(({ name }) => name));
  const freshName = (wanted: string): NodeName => {
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    return nodeName(name);
  };
  for (const layer of model.layers) {
    const importer = IMPORTERS.get(layer.className);
    if (importer === undefined) {
      const shape = inputShape(layer, path, options.inputSide);
      values.set(layer.name, builder.add({ kind: "input", name: nodeName(layer.name), shape }));
      continue;
    }
    const inputs = layer.inputs.map((name) => values.get(name)!);
    const value = importer.build(layer.config, {
      name: layer.name,
      builder,
      inputs,
      inputShape: builder.shapeOf(inputs[0]!),
      fresh: (suffix) => freshName(`${layer.name}_${suffix}`),
      weight: (roles, shape) => file.weight(layer.name, roles, shape),
    });
    values.set(layer.name, value);
  }
  const output = values.get(model.outputs[0]!)!;
  const { encoding } = options;
  return builder.build({ name: model.name, output, ...(encoding === undefined ? {} : { encoding }) });
}

/**
 * Import a Keras model saved as HDF5 (`model.save("model.h5")`, Keras 2 or 3; Sequential or Functional).
 *
 * @throws UnsupportedOpError FX1003 listing every layer and option that cannot be imported, before weights are read
 * @throws FixynnError FX1002 unreadable file, FX1004 missing weights or configuration, FX1005 wrong weight shape,
 *   FX1006 malformed configuration, FX1007 open input size, FX1010 shapes that do not fit, FX1012 NaN weights
 */
export function importKeras(path: string, options: KerasImportOptions = {}): Promise<Graph> {
  return withKerasFile(path, (file) => {
    if (file.modelConfig === undefined) {
      throw new FixynnError("FX1004", "the file holds weights but no model configuration", {
        place: path,
        hint: "save the whole model with model.save, not only its weights with save_weights",
      });
    }
    const model = parseModelConfig(file.modelConfig, path);
    checkModel(model, path);
    try {
      return buildGraph(model, file, path, options);
    } catch (error) {
      if (!(error instanceof FixynnError) || error.place?.startsWith(path)) throw error;
      // Errors of the graph name the layer; add the file.
      const place = error.place === undefined ? path : `${path}: ${error.place}`;
      const hint = error.hint === undefined ? {} : { hint: error.hint };
      throw new FixynnError(error.code, error.message, { place, ...hint, cause: error });
    }
  });
}
