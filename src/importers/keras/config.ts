import { z } from "zod";
import { FixynnError } from "../../core/index.js";

/** One layer of a Keras model, as its configuration describes it. */
export type KerasLayer = {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of the layers that it reads. */
  readonly inputs: readonly string[];
  /** Something about its place in the model that cannot be imported, or undefined. */
  readonly problem: string | undefined;
};

/** A Keras model: layers in an order in which each comes after those it reads. */
export type KerasModel = {
  readonly name: string;
  readonly layers: readonly KerasLayer[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
};

const record = z.record(z.string(), z.unknown());
const layerSchema = z.object({
  class_name: z.string(),
  config: record,
  name: z.string().optional(),
  inbound_nodes: z.array(z.unknown()).optional(),
});
type RawLayer = z.infer<typeof layerSchema>;

const modelSchema = z.object({ class_name: z.string(), config: z.unknown() });
const functionalSchema = z.object({
  name: z.string().optional(),
  layers: z.array(layerSchema),
  input_layers: z.unknown(),
  output_layers: z.unknown(),
});
const sequentialSchema = z.union([
  z.object({ name: z.string().optional(), layers: z.array(layerSchema) }),
  z.array(layerSchema).transform((layers) => ({ name: undefined, layers })),
]);

type Reference = { readonly layer: string; readonly node: number; readonly tensor: number };

/** A Keras 2 reference `[layer, node, tensor, …]` is a list that starts with a string and two numbers. */
function asReference(value: unknown): Reference | undefined {
  if (!Array.isArray(value)) return undefined;
  const [layer, node, index] = value as unknown[];
  if (typeof layer !== "string" || typeof node !== "number" || typeof index !== "number") return undefined;
  return { layer, node, tensor: index };
}

/** Collect references: Keras 2 nests them in lists, Keras 3 in tensors with a `keras_history`. */
function collectReferences(value: unknown): readonly Reference[] {
  const reference = asReference(value);
  if (reference !== undefined) return [reference];
  if (Array.isArray(value)) return value.flatMap(collectReferences);
  if (value === null || typeof value !== "object") return [];
  const fields = value as Record<string, unknown>;
  const own = asReference(fields["keras_history"]);
  return own === undefined ? Object.values(fields).flatMap(collectReferences) : [own];
}

function nameOf(layer: RawLayer, index: number): string {
  const inner = layer.config["name"];
  return layer.name ?? (typeof inner === "string" ? inner : `layer_${index}`);
}

function functionalLayer(layer: RawLayer, index: number): KerasLayer {
  const calls = layer.inbound_nodes ?? [];
  const references = collectReferences(calls);
  let problem: string | undefined;
  if (calls.length > 1)
    problem = "the layer is used more than once (shared); give each use a layer of its own";
  else if (references.some(({ node, tensor }) => node !== 0 || tensor !== 0)) {
    problem = "it reads a second use or a second output of a layer; give each use a layer of its own";
  }
  const inputs = references.map((reference) => reference.layer);
  return { className: layer.class_name, name: nameOf(layer, index), config: layer.config, inputs, problem };
}

/** Sort layers so that each comes after those it reads, keeping the file's order otherwise. */
function sortLayers(layers: readonly KerasLayer[], path: string): readonly KerasLayer[] {
  const known = new Set(layers.map(({ name }) => name));
  const done = new Set<string>();
  const sorted: KerasLayer[] = [];
  let waiting = [...layers];
  while (waiting.length > 0) {
    const next: KerasLayer[] = [];
    for (const layer of waiting) {
      const missing = layer.inputs.find((input) => !known.has(input));
      if (missing !== undefined)
        throw malformed(path, `layer ${layer.name} reads "${missing}", which does not exist`);
      if (layer.inputs.every((input) => done.has(input))) {
        done.add(layer.name);
        sorted.push(layer);
      } else next.push(layer);
    }
    if (next.length === waiting.length) throw malformed(path, `layers form a loop at ${next[0]?.name}`);
    waiting = next;
  }
  return sorted;
}

function malformed(path: string, message: string): FixynnError {
  return new FixynnError("FX1006", `no valid Keras model configuration: ${message}`, {
    place: path,
    hint: "save the model again with model.save('model.h5')",
  });
}

function parse<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw malformed(path, `${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "?"}`);
}

function sequentialModel(config: unknown, path: string): KerasModel {
  const { name, layers: raw } = parse(sequentialSchema, config, path);
  const layers: KerasLayer[] = [];
  raw.forEach((layer, index) => {
    if (index === 0 && layer.class_name !== "InputLayer") {
      // Before Keras 2.3 the first layer itself carries the input shape.
      const input = {
        className: "InputLayer",
        name: "input",
        config: layer.config,
        inputs: [],
        problem: undefined,
      };
      layers.push(input);
    }
    const inputs = layers.length === 0 ? [] : [layers.at(-1)!.name];
    const { class_name: className, config: own } = layer;
    layers.push({ className, name: nameOf(layer, index), config: own, inputs, problem: undefined });
  });
  const [first] = layers;
  const last = layers.at(-1);
  if (first === undefined || last === undefined) throw malformed(path, "a model without layers");
  return { name: name ?? "sequential", layers, inputs: [first.name], outputs: [last.name] };
}

/**
 * Parse the `model_config` of a Keras file: Sequential or Functional, of Keras 2 or 3.
 *
 * @throws FixynnError FX1006 when it is not one
 */
export function parseModelConfig(text: string, path: string): KerasModel {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw malformed(path, "it is no JSON");
  }
  const model = parse(modelSchema, json, path);
  if (model.class_name === "Sequential") return sequentialModel(model.config, path);
  if (model.class_name !== "Functional" && model.class_name !== "Model") {
    throw new FixynnError("FX1006", `a model of class ${model.class_name} has no layer graph`, {
      place: path,
      hint: "rebuild it with the Keras Functional or Sequential interface",
    });
  }
  const config = parse(functionalSchema, model.config, path);
  const layers = sortLayers(config.layers.map(functionalLayer), path);
  const names = (value: unknown): readonly string[] => collectReferences(value).map(({ layer }) => layer);
  return {
    name: config.name ?? "model",
    layers,
    inputs: names(config.input_layers),
    outputs: names(config.output_layers),
  };
}
