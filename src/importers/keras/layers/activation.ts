import { z } from "zod";
import type { NodeName } from "../../../graph/index.js";
import { defineLayer, type LayerContext, type LayerImporter } from "../layer.js";

const SUPPORTED = ["linear", "relu", "relu6", "softmax"] as const;
type Activation = (typeof SUPPORTED)[number];

/** The `activation` field of a layer: a name, null, or (custom functions) anything else. */
export const activationSchema = z.unknown();

function asActivation(value: unknown): Activation | undefined {
  if (value === null || value === undefined) return "linear";
  return SUPPORTED.find((name) => name === value);
}

/** Complain about an activation function that has no node. */
export function activationProblem(value: unknown): string | false {
  if (asActivation(value) !== undefined) return false;
  const shown = typeof value === "string" ? value : "a custom function";
  return `activation ${shown} is not supported; use ${SUPPORTED.join(", ")}`;
}

function addActivation(
  context: LayerContext,
  activation: unknown,
  name: NodeName,
  input: NodeName,
): NodeName {
  const kind = asActivation(activation);
  if (kind === "relu") return context.builder.add({ kind: "relu", name, input, max: undefined });
  if (kind === "relu6") return context.builder.add({ kind: "relu", name, input, max: 6 });
  if (kind === "softmax") return context.builder.add({ kind: "softmax", name, input });
  return input;
}

/** Append the activation that a convolution or dense layer carries, as a node `LAYER_relu` or `LAYER_softmax`. */
export function applyActivation(context: LayerContext, activation: unknown, input: NodeName): NodeName {
  const kind = asActivation(activation);
  if (kind === undefined || kind === "linear") return input;
  return addActivation(context, kind, context.fresh(kind === "softmax" ? "softmax" : "relu"), input);
}

const slope = z.union([z.number(), z.array(z.number()).transform((values) => values[0] ?? 0)]).nullish();

/** Activations as layers of their own. */
export const activationLayers: Readonly<Record<string, LayerImporter>> = {
  Activation: defineLayer({
    schema: z.object({ activation: activationSchema }),
    check: ({ activation }) => [activationProblem(activation)],
    build: ({ activation }, context) =>
      addActivation(context, activation, context.name as NodeName, context.inputs[0]!),
  }),
  ReLU: defineLayer({
    schema: z.object({ max_value: z.number().nullish(), negative_slope: slope, threshold: slope }),
    check: (config) => [
      (config.negative_slope ?? 0) !== 0 && "negative_slope must be 0",
      (config.threshold ?? 0) !== 0 && "threshold must be 0",
      config.max_value !== null &&
        config.max_value !== undefined &&
        config.max_value <= 0 &&
        "max_value must be > 0",
    ],
    build: (config, { builder, name, inputs }) =>
      builder.add({
        kind: "relu",
        name: name as NodeName,
        input: inputs[0]!,
        max: config.max_value ?? undefined,
      }),
  }),
  Softmax: defineLayer({
    schema: z.object({ axis: z.union([z.int(), z.array(z.int())]).optional() }),
    check: ({ axis }) => {
      const [only, ...others] = [axis ?? -1].flat();
      return [(only !== -1 || others.length > 0) && "only axis -1 is supported"];
    },
    build: (_config, { builder, name, inputs }) =>
      builder.add({ kind: "softmax", name: name as NodeName, input: inputs[0]! }),
  }),
};
