import { z } from "zod";
import { FixynnError } from "../core/index.js";
import { type AdderGraph, type AdderNodeId, verifyAdderGraph } from "./adder-graph.js";
import type { CompressorTree } from "./compressor-tree.js";
import { verifyCompressorTree } from "./tree-check.js";

const bigText = z
  .string()
  .regex(/^-?\d+$/)
  .transform((text) => BigInt(text));
const count = z.number().int().nonnegative();
const nodeId = count.transform((id) => id as AdderNodeId);
const range = z.strictObject({ low: bigText, high: bigText });
const format = { width: z.number().int().positive(), signed: z.boolean() };

const adderNode = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("input"), name: z.string(), interval: range }),
  z.strictObject({
    kind: z.literal("sum"),
    name: z.string(),
    terms: z.array(z.strictObject({ source: nodeId, shift: count, negative: z.boolean() })),
    constant: bigText,
    interval: range,
  }),
  z.strictObject({ kind: z.literal("floorShift"), source: nodeId, shift: count, interval: range }),
  z.strictObject({ kind: z.literal("nonNegative"), source: nodeId, interval: range }),
  z.strictObject({ kind: z.literal("lowBits"), source: nodeId, width: count, interval: range }),
  z.strictObject({ kind: z.literal("saturate"), source: nodeId, width: count, interval: range }),
]);
const adderGraph = z.strictObject({
  kind: z.literal("adderGraph"),
  name: z.string(),
  nodes: z.array(adderNode),
  outputs: z.array(nodeId),
});
const compressorTree = z.strictObject({
  kind: z.literal("compressorTree"),
  name: z.string(),
  ...format,
  sources: z.array(z.strictObject({ node: nodeId, ...format, columns: z.array(count) })),
  constant: bigText,
  dots: z.array(z.array(count)),
  levels: z.array(z.strictObject({ fullAdders: z.array(count) })),
  rows: z.tuple([z.array(count), z.array(count)]),
  adderLow: count,
});

const write = (value: unknown): string =>
  JSON.stringify(value, (_key, v: unknown) => (typeof v === "bigint" ? v.toString() : v));

function read<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FixynnError("FX5012", `no JSON: ${String(cause)}`, { place: what, cause });
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new FixynnError("FX5012", z.prettifyError(result.error), { place: what });
  return result.data;
}

/** Write a graph as JSON; integers of any size are strings. */
export const adderGraphToJson = (graph: AdderGraph): string => write(graph);
/**
 * Read and verify a graph.
 *
 * @throws FixynnError FX5012 when the text is no graph, FX5010 when the graph is not consistent
 */
export const adderGraphFromJson = (text: string): AdderGraph =>
  verifyAdderGraph(read(adderGraph, text, "adder graph"));
/** Write a tree as JSON. */
export const compressorTreeToJson = (tree: CompressorTree): string => write(tree);
/**
 * Read and verify a tree.
 *
 * @throws FixynnError FX5012 when the text is no tree, FX5011 when the tree is not consistent
 */
export const compressorTreeFromJson = (text: string): CompressorTree =>
  verifyCompressorTree(read(compressorTree, text, "compressor tree"));
