import { z } from "zod";
import { FixynnError } from "../core/index.js";
import { MANIFEST_FILE } from "./emit.js";
import type { RegisterMap } from "./registers.js";

const count = z.int().nonnegative();
const common = {
  layer: z.string(),
  module: z.string(),
  base: count,
  multiplierBits: count,
  addressBits: count,
  addresses: z.array(count),
};
const schema = z.object({
  registers: z
    .object({
      addressBits: count,
      dataBits: count,
      layers: z.array(
        z.discriminatedUnion("kind", [
          z.object({ kind: z.literal("words"), ...common, offsetBits: count }),
          z.object({
            kind: z.literal("memories"),
            ...common,
            biasBits: count,
            biasAddresses: z.array(count),
            biasConstants: z.array(z.int()),
          }),
        ]),
      ),
    })
    .optional(),
});

/**
 * Read the register map from a deliverable's manifest.
 *
 * @returns undefined where there is no manifest, or no registers in it
 * @throws FixynnError FX5051 for a manifest that cannot be read
 */
export function emittedRegisters(files: ReadonlyMap<string, string>): RegisterMap | undefined {
  const text = files.get(MANIFEST_FILE);
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text)).registers;
  } catch (cause) {
    throw new FixynnError("FX5051", "no readable register map", {
      place: MANIFEST_FILE,
      hint: "freeze the model again",
      cause,
    });
  }
}
