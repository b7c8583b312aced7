import { z } from "zod";
import { FixynnError } from "../core/index.js";
import type { Design, NetId } from "./netlist.js";
import { verifyDesign } from "./verify.js";

const count = z.number().int().nonnegative();
const netId = count.transform((id) => id as NetId);
const signal = z.array(
  z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("net"), net: netId, low: count, width: count }),
    z.strictObject({ kind: z.literal("constant"), bits: z.string() }),
  ]),
);
const named = { name: z.string(), doc: z.string().exactOptional() };

const cell = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("fullAdders"),
    ...named,
    a: signal,
    b: signal,
    c: signal,
    sum: netId,
    carry: netId,
  }),
  z.strictObject({ kind: z.literal("halfAdders"), ...named, a: signal, b: signal, sum: netId, carry: netId }),
  z.strictObject({ kind: z.literal("not"), ...named, a: signal, y: netId }),
  z.strictObject({ kind: z.enum(["and", "or", "xor"]), ...named, operands: z.array(signal), y: netId }),
  z.strictObject({
    kind: z.literal("mux"),
    ...named,
    select: signal,
    whenTrue: signal,
    whenFalse: signal,
    y: netId,
  }),
  z.strictObject({
    kind: z.enum(["add", "sub"]),
    ...named,
    a: signal,
    b: signal,
    y: netId,
    architecture: z.enum(["select", "prefix"]).exactOptional(),
  }),
  z.strictObject({
    kind: z.enum(["equal", "less"]),
    ...named,
    signed: z.boolean(),
    a: signal,
    b: signal,
    y: netId,
  }),
  z.strictObject({
    kind: z.literal("register"),
    ...named,
    d: signal,
    q: netId,
    enable: signal.nullable(),
    resetN: signal.nullable(),
    resetValue: z.string().nullable(),
    role: z.enum(["datapath", "window", "control", "buffer", "configuration"]),
  }),
  z.strictObject({
    kind: z.literal("ram"),
    ...named,
    depth: count,
    writeEnable: signal,
    writeAddress: signal,
    writeData: signal,
    readEnable: signal,
    readAddress: signal,
    readData: netId,
  }),
  z.strictObject({
    kind: z.literal("rom"),
    ...named,
    depth: count,
    contents: z.array(z.string()),
    readEnable: signal,
    readAddress: signal,
    readData: netId,
  }),
  z.strictObject({ kind: z.literal("constant"), ...named, bits: z.string(), y: netId }),
  z.strictObject({ kind: z.literal("assign"), ...named, a: signal, y: netId }),
  z.strictObject({
    kind: z.literal("instance"),
    ...named,
    module: z.string(),
    inputs: z.array(z.strictObject({ port: z.string(), signal })),
    outputs: z.array(z.strictObject({ port: z.string(), net: netId })),
  }),
]);

const design = z.strictObject({
  kind: z.literal("design"),
  modules: z.array(
    z.strictObject({
      kind: z.literal("module"),
      name: z.string(),
      doc: z.array(z.string()),
      ports: z.array(
        z.strictObject({ name: z.string(), direction: z.enum(["input", "output"]), net: netId }),
      ),
      nets: z.array(
        z.strictObject({ id: netId, name: z.string(), width: count, doc: z.string().exactOptional() }),
      ),
      cells: z.array(cell),
      clock: netId.nullable(),
    }),
  ),
});

/** Write a design as JSON. */
export const designToJson = (value: Design): string => JSON.stringify(value);

/**
 * Read and verify a design.
 *
 * @throws FixynnError FX5002 when the text is no design, FX5001 when the design breaks a rule
 */
export function designFromJson(text: string): Design {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FixynnError("FX5002", `no JSON: ${String(cause)}`, { place: "design", cause });
  }
  const result = design.safeParse(value);
  if (!result.success) throw new FixynnError("FX5002", z.prettifyError(result.error), { place: "design" });
  return verifyDesign(result.data);
}
