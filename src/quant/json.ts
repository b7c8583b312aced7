import { z } from "zod";
import { FixynnError } from "../core/index.js";
import { nodeName } from "../graph/index.js";
import { type DType, type Tensor, tensorFromJson, tensorToJson } from "../tensor/index.js";
import type { QuantNetwork, QuantNode } from "./nodes.js";
import { verifyQuantNetwork } from "./verify.js";

/** Identifies our own files of integer networks. */
export const QUANT_SCHEMA = "fixynn-quant-1";

/** JSON form of an integer network. Weights and biases are base64. */
export type QuantNetworkJson = {
  readonly schema: typeof QUANT_SCHEMA;
  readonly name: string;
  readonly encoding: QuantNetwork["encoding"];
  readonly nodes: readonly Readonly<Record<string, unknown>>[];
  readonly output: string;
};

const name = z.string().min(1).transform(nodeName);
const size = z.strictObject({ height: z.int().positive(), width: z.int().positive() });
const pad = z.int().nonnegative();
const padding = z.strictObject({ top: pad, bottom: pad, left: pad, right: pad });
const clamp = z.strictObject({ low: z.int(), high: z.int() });
const int32s = z.array(z.int32()).transform((values) => Int32Array.from(values));
const scales = z.array(z.number()).transform((values) => Float64Array.from(values));
const factors = { multipliers: int32s, shifts: int32s };
const constantModes = [
  z.strictObject({ mode: z.literal("tflite"), ...factors, ties: z.literal("up").optional() }),
  z.strictObject({ mode: z.literal("lean"), ...factors }),
  z.strictObject({ mode: z.literal("shift"), ...factors }),
] as const;
const constantRequantization = z.discriminatedUnion("mode", constantModes);
const requantization = z.discriminatedUnion("mode", [
  ...constantModes,
  z.strictObject({
    mode: z.literal("programmable"),
    ...factors,
    multiplierBits: z.int(),
    signed: z.boolean(),
    biasBits: z.int(),
  }),
]);
const steps = z.strictObject({ mode: z.literal("steps"), thresholds: int32s });
const output = z.strictObject({
  shape: z.array(z.int().positive()).min(1).max(4),
  bits: z.int(),
  signed: z.boolean(),
  scale: z.number(),
  zeroPoint: z.int(),
});

function integers<D extends DType>(dtype: D) {
  return z
    .strictObject({ dtype: z.literal(dtype), shape: z.array(z.int().nonnegative()), base64: z.base64() })
    .transform((json, context): Tensor<D> => {
      try {
        return tensorFromJson({ ...json, dtype });
      } catch (error) {
        context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
        return z.NEVER;
      }
    });
}

const base = { name, output };
const unary = { ...base, input: name };
const weighted = {
  ...unary,
  weights: integers("int16"),
  weightScales: scales,
  bias: integers("int32"),
  requantization,
  clamp,
};
const pool = { ...unary, window: size, stride: size, padding };

const nodeSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("input"), ...base }),
  z.strictObject({ kind: z.literal("conv2d"), ...weighted, stride: size, padding }),
  z.strictObject({ kind: z.literal("depthwiseConv2d"), ...weighted, stride: size, padding }),
  z.strictObject({ kind: z.literal("dense"), ...weighted }),
  z.strictObject({ kind: z.literal("maxPool2d"), ...pool }),
  z.strictObject({ kind: z.literal("averagePool2d"), ...pool }),
  z.strictObject({
    kind: z.literal("globalAveragePool2d"),
    ...unary,
    requantization: z.union([constantRequantization, steps]),
    clamp,
  }),
  z.strictObject({
    kind: z.literal("add"),
    ...base,
    inputs: z.tuple([name, name]).readonly(),
    operandMultipliers: z.tuple([z.int(), z.int()]).readonly(),
    operandShifts: z.tuple([z.int(), z.int()]).readonly().optional(),
    requantization: constantRequantization,
    clamp,
  }),
  z.strictObject({ kind: z.literal("reshape"), ...unary }),
]);

const networkSchema = z.strictObject({
  schema: z.literal(QUANT_SCHEMA),
  name: z.string(),
  encoding: z.strictObject({ scale: z.number(), offset: z.number() }),
  nodes: z.array(nodeSchema),
  output: name,
});

function plainJson(value: unknown): unknown {
  if (value instanceof Int32Array || value instanceof Float64Array) return Array.from(value);
  if (Array.isArray(value) || value === null || typeof value !== "object") return value;
  if ("kind" in value && value.kind === "tensor") return tensorToJson(value as Tensor);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plainJson(entry)]));
}

/** Convert an integer network to JSON; {@link quantNetworkFromJson} gives the same network back, bit for bit. */
export function quantNetworkToJson(network: QuantNetwork): QuantNetworkJson {
  return {
    schema: QUANT_SCHEMA,
    name: network.name,
    encoding: network.encoding,
    nodes: network.nodes.map((node) => plainJson(node) as Readonly<Record<string, unknown>>),
    output: network.output,
  };
}

/**
 * Parse and verify an integer network from JSON.
 *
 * @throws FixynnError FX4005 when it is no such file, FX4002 or FX4004 when the network in it is not valid
 */
export function quantNetworkFromJson(json: unknown, place = "integer network JSON"): QuantNetwork {
  const parsed = networkSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue === undefined ? "" : issue.path.map(String).join(".");
    throw new FixynnError(
      "FX4005",
      `no valid integer network: ${path === "" ? "" : `${path}: `}${issue?.message}`,
      {
        place,
        hint: `expected a file written by fixynn, schema "${QUANT_SCHEMA}"`,
      },
    );
  }
  const { schema: _schema, ...network } = parsed.data;
  const nodes: readonly QuantNode[] = network.nodes;
  return verifyQuantNetwork({ kind: "quantNetwork", ...network, nodes });
}
