import {
  type AcceleratorLayer,
  acceleratorTechnologyAt16Nm,
  createArrayCatalogue,
  readTechnology,
} from "../src/cost/index.js";

/** One layer on the engine. */
export type RooflineRow = {
  readonly name: string;
  /** `convolution`, `depthwise`, `pointwise` or `classifier`. */
  readonly kind: string;
  readonly macs: number;
  /** Weights and activations from and to DRAM a frame. */
  readonly dramBytes: number;
  /** Dense operations over the time that the layer takes. */
  readonly tops: number;
};

/** The all-programmable engine of the comparison, its limits and its layers. */
export type RooflineResult = {
  readonly areaMm2: number;
  readonly array: string;
  readonly node: string;
  readonly peakTops: number;
  readonly dramGbPerSecond: number;
  readonly layers: readonly RooflineRow[];
};

/** Area at which the weights do not stay in the buffer, so that layers move bytes, mm². */
const areaMm2 = 1;

function kindOf({ kind, kernel, outputShape }: AcceleratorLayer): string {
  if (kind === "depthwiseConv2d") return "depthwise";
  const [height = 1, width = 1] = outputShape.length > 1 ? outputShape : [];
  if (kind === "dense" || height * width === 1) return "classifier";
  return kernel === undefined || kernel[0] * kernel[1] === 1 ? "pointwise" : "convolution";
}

/** Run the whole network on the engine that the comparison takes at 1 mm², in one technology. */
export function rooflineResult(
  layers: readonly AcceleratorLayer[],
  technologyName: string,
): RooflineResult | null {
  const technology = acceleratorTechnologyAt16Nm(readTechnology(technologyName));
  const run = createArrayCatalogue({ layers, technology }).largest({ areaMm2 });
  if (run?.config === undefined) return null;
  const {
    engine: { cPar, kPar },
    clockMhz,
    dramBytesPerSecond,
  } = run.config;
  return {
    areaMm2,
    array: run.name,
    node: technology.node,
    peakTops: 2 * cPar * kPar * clockMhz * 1e-6,
    dramGbPerSecond: dramBytesPerSecond * 1e-9,
    layers: layers.flatMap((layer, i) => {
      const { cycles, dramBytes } = run.layers[i]!;
      if (layer.macs === 0 || cycles === 0) return [];
      const tops = (2 * layer.macs * clockMhz * 1e-6) / cycles;
      return [{ name: layer.name, kind: kindOf(layer), macs: layer.macs, dramBytes, tops }];
    }),
  };
}
