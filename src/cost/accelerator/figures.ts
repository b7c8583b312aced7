import type { EngineConfig } from "../../accel/index.js";
import { type EngineArea, engineArea } from "./area.js";
import { defaultDramBytesPerSecond } from "./dram.js";
import { runOnEngine } from "./run.js";
import type { AcceleratorLayer, AcceleratorRun, AcceleratorTechnology } from "./types.js";

/** What one engine costs with some layers. */
export type EngineCost = {
  readonly technology: string;
  readonly node: string;
  readonly source: string;
  /** How its cells are known. */
  readonly tier: AcceleratorTechnology["tier"];
  /** By unit, and together; leakage. */
  readonly area: EngineArea;
  /** Cycles, energy and DRAM traffic, layer by layer. */
  readonly run: AcceleratorRun;
};

/** What {@link costEngine} takes. */
export type EngineCostInput = {
  readonly engine: EngineConfig;
  readonly layers: readonly AcceleratorLayer[];
  /** `acceleratorTechnology`, at the technology's own node, or `acceleratorTechnologyAt16Nm`. */
  readonly technology: AcceleratorTechnology;
  /** Default: the technology's. */
  readonly clockMhz?: number | undefined;
  /** Default: one channel of LPDDR4. */
  readonly dramBytesPerSecond?: number | undefined;
};

/**
 * Cost one engine with the layers that it runs: area by unit, leakage, and each layer's cycles, energy and traffic.
 *
 * @throws FixynnError FX5100 or FX7070 for an engine that cannot be, FX5111 when a layer has no room for a row of its output
 */
export function costEngine(input: EngineCostInput): EngineCost {
  const { engine, layers, technology } = input;
  const { name, node, source, tier } = technology;
  const config = {
    engine,
    clockMhz: input.clockMhz ?? technology.clockMhz,
    dramBytesPerSecond: input.dramBytesPerSecond ?? defaultDramBytesPerSecond,
  };
  return {
    ...{ technology: name, node, source, tier },
    area: engineArea(engine, technology),
    run: runOnEngine(layers, config, technology),
  };
}
