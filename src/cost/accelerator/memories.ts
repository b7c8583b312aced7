import {
  ACCUMULATOR_BITS,
  ACTIVATION_BANKS,
  type Engine,
  type EngineConfig,
  engineShape,
  parameterFields,
  readFifoBeats,
  STORE_WORDS,
} from "../../accel/index.js";
import { copiesOf } from "../../hw/index.js";
import { type EngineUnit, unitModules } from "./units.js";

/** Memories of one size in a unit; all have a port for reading and one for writing. */
export type EngineMemories = {
  readonly unit: EngineUnit;
  readonly role: "ring" | "bank" | "sums" | "parameters" | "loadFifo" | "storeFifo";
  readonly count: number;
  readonly words: number;
  readonly bits: number;
};

/** Bits of a lane's requantization parameters: bias, multiplier, shift. */
const PARAMETER_BITS = parameterFields.shift.at + 8;

/** List the memories of an engine. */
export function engineMemories(config: EngineConfig): readonly EngineMemories[] {
  const { kPar, requantizers, stripePixels, axiDataBytes } = config;
  const { wordBytes, bankWords, ringWordBytes, ringWords } = engineShape(config);
  const slices = wordBytes / kPar;
  return [
    { unit: "feeder", role: "ring", count: 1, words: ringWords, bits: 8 * ringWordBytes },
    { unit: "activations", role: "bank", count: ACTIVATION_BANKS * slices, words: bankWords, bits: 8 * kPar },
    { unit: "accumulators", role: "sums", count: 2, words: stripePixels, bits: ACCUMULATOR_BITS * kPar },
    {
      unit: "drain",
      role: "parameters",
      count: requantizers,
      words: (2 * kPar) / requantizers,
      bits: PARAMETER_BITS,
    },
    { unit: "transfer", role: "loadFifo", count: 1, words: readFifoBeats(config), bits: 8 * axiDataBytes },
    { unit: "transfer", role: "storeFifo", count: 1, words: STORE_WORDS, bits: 8 * wordBytes },
  ];
}

/** List the memories of an engine's netlist, unit by unit: what {@link engineMemories} must say. */
export function netlistMemories(engine: Pick<Engine, "design">): readonly Omit<EngineMemories, "role">[] {
  return [...unitModules(engine)].flatMap(([unit, modules]) => {
    const copies = copiesOf(modules);
    const sizes = new Map<string, { unit: EngineUnit; count: number; words: number; bits: number }>();
    for (const module of modules)
      for (const cell of module.cells) {
        if (cell.kind !== "ram") continue;
        const bits = module.nets[cell.readData]!.width;
        const key = `${cell.depth} ${bits}`;
        const known = sizes.get(key) ?? { unit, count: 0, words: cell.depth, bits };
        known.count += copies.get(module.name)!;
        sizes.set(key, known);
      }
    return [...sizes.values()];
  });
}
