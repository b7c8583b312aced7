import {
  type AcceleratorLayer,
  type AcceleratorRun,
  acceleratorTechnologyAt16Nm,
  bestNvdla,
  createArrayCatalogue,
  nvdlaAreaMm2,
  nvdlaPoints,
  runOnNvdla,
  type Technology,
} from "../cost/index.js";

/** Which programmable accelerator runs the rest. */
export type ProgrammableKind = "array" | "nvdla";

/** What runs the layers that are not frozen, and all layers on the other side of the comparison; at 16 nm. */
export type ProgrammableModel = {
  readonly name: string;
  /** Areas to explore unless told otherwise. */
  readonly areasMm2: readonly number[];
  /**
   * The best of at most an area for the layers from one on: of most frames/s, or of least power among those that reach a rate. Undefined when none
   * is as small, or as fast.
   */
  best(areaMm2: number, fromLayer: number, framesPerSecond?: number): AcceleratorRun | undefined;
};

/** Areas from far below NVDLA's smallest point to its largest, each about twice the one before. */
const ARRAY_AREAS_MM2 = [0.1, 0.2, 0.4, 0.8, 1.6, 3.3];

/** Make the model for a network; runs are kept. */
export function programmableModel(
  kind: ProgrammableKind,
  { layers, technology }: { readonly layers: readonly AcceleratorLayer[]; readonly technology: Technology },
): ProgrammableModel {
  if (kind === "nvdla") {
    const model = {
      name: "NVDLA's published points, 16 nm, int8, 1 GHz",
      areasMm2: nvdlaPoints.map(({ areaMm2 }) => areaMm2).sort((a, b) => a - b),
    };
    return keepRuns(model, (areaMm2, fromLayer, framesPerSecond) => {
      if (areaMm2 < nvdlaAreaMm2.smallest) return undefined;
      const rest = layers.slice(fromLayer);
      const hasImage = fromLayer === 0;
      return framesPerSecond === undefined
        ? runOnNvdla(rest, areaMm2, hasImage)
        : bestNvdla(rest, areaMm2, { hasImage, framesPerSecond });
    });
  }
  const scaled = acceleratorTechnologyAt16Nm(technology);
  const catalogue = createArrayCatalogue({ layers, technology: scaled });
  return keepRuns(
    { name: `generated engine, ${scaled.node}`, areasMm2: ARRAY_AREAS_MM2 },
    (areaMm2, fromLayer, framesPerSecond) => catalogue.largest({ areaMm2, fromLayer, framesPerSecond }),
  );
}

function keepRuns(
  about: Pick<ProgrammableModel, "name" | "areasMm2">,
  best: ProgrammableModel["best"],
): ProgrammableModel {
  const runs = new Map<string, AcceleratorRun | undefined>();
  return {
    ...about,
    best: (areaMm2, fromLayer, framesPerSecond) => {
      // A hundredth of a percent: areas that differ less have the same accelerators.
      const rounded = Number(areaMm2.toPrecision(4));
      const key = `${rounded} ${fromLayer} ${framesPerSecond ?? ""}`;
      if (!runs.has(key)) runs.set(key, best(rounded, fromLayer, framesPerSecond));
      return runs.get(key);
    },
  };
}
