import { type AcceleratorLayer, nvdlaAreaMm2, runOnNvdla } from "../cost/index.js";

/** Some layers on a programmable accelerator of an area, at the node of the comparison. */
export type ProgrammableRun = {
  readonly framesPerSecond: number;
  readonly energyPerFrameUj: number;
  readonly dramEnergyUj: number;
};

/** What runs the layers that are not frozen, and all layers on the other side of the comparison. */
export type ProgrammableModel = {
  readonly name: string;
  /** Areas outside are refused, not extrapolated. */
  readonly smallestMm2: number;
  run(layers: readonly AcceleratorLayer[], areaMm2: number): ProgrammableRun;
};

/** NVDLA's published points at 16 nm, interpolated. */
export const nvdlaModel: ProgrammableModel = {
  name: "NVDLA's published points at 16 nm, int8, 1 GHz",
  smallestMm2: nvdlaAreaMm2.smallest,
  run: (layers, areaMm2) => {
    const { framesPerSecond, energyPerFrameUj, dramEnergyPerFrameUj } = runOnNvdla(layers, areaMm2);
    return { framesPerSecond, energyPerFrameUj, dramEnergyUj: dramEnergyPerFrameUj };
  },
};
