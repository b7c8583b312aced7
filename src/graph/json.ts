import { z } from "zod";
import { FixynnError } from "../core/index.js";
import { type Tensor, type TensorJson, tensorFromJson, tensorToJson } from "../tensor/index.js";
import { type Graph, type GraphNode, nodeName } from "./nodes.js";
import { verifyGraph } from "./verify.js";
import { weightsOf } from "./weights.js";

/** Identifies our own graph files. */
export const GRAPH_SCHEMA = "fixynn-graph-1";

/** JSON form of a graph. Weights are base64, absent optional fields are left out. */
export type GraphJson = {
  readonly schema: typeof GRAPH_SCHEMA;
  readonly name: string;
  readonly encoding: Graph["encoding"];
  readonly nodes: readonly Readonly<Record<string, unknown>>[];
  readonly output: string;
};

const name = z.string().min(1).transform(nodeName);
const shape = z.array(z.int().positive()).min(1).max(4);
const size = z.strictObject({ height: z.int().positive(), width: z.int().positive() });
const pad = z.int().nonnegative();
const explicit = z.strictObject({
  kind: z.literal("explicit"),
  top: pad,
  bottom: pad,
  left: pad,
  right: pad,
});
const padding = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("same") }),
  z.strictObject({ kind: z.literal("valid") }),
  explicit,
]);
const floats = z
  .strictObject({
    dtype: z.literal("float32"),
    shape: z.array(z.int().nonnegative()),
    base64: z.base64(),
  })
  .transform((json, context): Tensor<"float32"> => {
    try {
      return tensorFromJson(json);
    } catch (error) {
      context.addIssue({ code: "custom", message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });
/** Optional in JSON, present and possibly undefined in the node. */
const bias = floats.optional();
const window = { window: size, stride: size, padding };

const nodeSchemas = [
  z.strictObject({ kind: z.literal("input"), name, shape }),
  z
    .strictObject({
      kind: z.literal("conv2d"),
      name,
      shape,
      input: name,
      weights: floats,
      bias,
      stride: size,
      padding,
    })
    .transform((node) => ({ ...node, bias: node.bias })),
  z
    .strictObject({
      kind: z.literal("depthwiseConv2d"),
      name,
      shape,
      input: name,
      weights: floats,
      bias,
      stride: size,
      padding,
    })
    .transform((node) => ({ ...node, bias: node.bias })),
  z.strictObject({
    kind: z.literal("batchNorm"),
    name,
    shape,
    input: name,
    gamma: floats,
    beta: floats,
    mean: floats,
    variance: floats,
    epsilon: z.number(),
  }),
  z
    .strictObject({ kind: z.literal("relu"), name, shape, input: name, max: z.number().optional() })
    .transform((node) => ({ ...node, max: node.max })),
  z.strictObject({ kind: z.literal("zeroPad2d"), name, shape, input: name, padding: explicit }),
  z.strictObject({ kind: z.literal("maxPool2d"), name, shape, input: name, ...window }),
  z.strictObject({ kind: z.literal("averagePool2d"), name, shape, input: name, ...window }),
  z.strictObject({ kind: z.literal("globalAveragePool2d"), name, shape, input: name, keepDims: z.boolean() }),
  z.strictObject({ kind: z.literal("reshape"), name, shape, input: name }),
  z
    .strictObject({ kind: z.literal("dense"), name, shape, input: name, weights: floats, bias })
    .transform((node) => ({ ...node, bias: node.bias })),
  z.strictObject({ kind: z.literal("add"), name, shape, inputs: z.tuple([name, name]).readonly() }),
  z.strictObject({ kind: z.literal("softmax"), name, shape, input: name }),
  z.strictObject({ kind: z.literal("dropout"), name, shape, input: name, rate: z.number() }),
] as const;

const graphSchema = z.strictObject({
  schema: z.literal(GRAPH_SCHEMA),
  name: z.string(),
  encoding: z.strictObject({ scale: z.number(), offset: z.number() }),
  nodes: z.array(z.discriminatedUnion("kind", nodeSchemas)),
  output: name,
});

/** Keys in a fixed order (kind, name, shape, then by name), so that equal graphs give equal text. */
function nodeToJson(node: GraphNode): Readonly<Record<string, unknown>> {
  const { kind, name: nodeId, shape: extents, ...rest } = node;
  const plain = Object.entries(rest).filter(([, value]) => value !== undefined);
  const tensors = weightsOf(node).map(({ role, value }): [string, TensorJson] => [role, tensorToJson(value)]);
  const fields = Object.entries({ ...Object.fromEntries(plain), ...Object.fromEntries(tensors) });
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return { kind, name: nodeId, shape: extents, ...Object.fromEntries(fields) };
}

/** Convert a graph to JSON; `graphFromJson` gives the same graph back, weights bit for bit. */
export function graphToJson(graph: Graph): GraphJson {
  return {
    schema: GRAPH_SCHEMA,
    name: graph.name,
    encoding: graph.encoding,
    nodes: graph.nodes.map(nodeToJson),
    output: graph.output,
  };
}

/**
 * Parse and verify a graph from JSON.
 *
 * @throws FixynnError FX1013 when it is no graph file, FX1010 to FX1012 when the graph in it is not valid
 */
export function graphFromJson(json: unknown, place = "graph JSON"): Graph {
  const parsed = graphSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue === undefined ? "" : issue.path.map(String).join(".");
    throw new FixynnError("FX1013", `no valid graph: ${path === "" ? "" : `${path}: `}${issue?.message}`, {
      place,
      hint: `expected a file written by fixynn, schema "${GRAPH_SCHEMA}"`,
    });
  }
  const { schema: _schema, ...graph } = parsed.data;
  return verifyGraph({ kind: "graph", ...graph });
}
