import { basename, join } from "node:path";
import {
  createRng,
  FixynnError,
  type ProgressListener,
  packageRoot,
  writeFileAtomic,
} from "../src/core/index.js";
import {
  AREA_CALIBRATION_FILE,
  type AreaCalibration,
  type AreaSample,
  countsOf,
  defaultEngine,
  fitAreaFactors,
  mapLayers,
  mappedAreaUm2,
  readCellLibrary,
  readTechnology,
  registerCells,
} from "../src/cost/index.js";
import { defaultCacheFolder } from "../src/data/index.js";
import type { Graph, NodeName } from "../src/graph/index.js";
import { compileFrontEnd, emitVerilog, type FrontFolding } from "../src/hw/index.js";
import { importModel } from "../src/importers/index.js";
import {
  type QuantizeOptions,
  type QuantNetwork,
  quantize,
  truncateQuantNetwork,
} from "../src/quant/index.js";

/** A front whose layers are mapped for the calibration. */
type CalibrationFront = {
  readonly name: string;
  readonly network: QuantNetwork;
  readonly through: NodeName;
  readonly folding: FrontFolding;
  /** Which layers count; default all. */
  readonly picks?: (layer: string) => boolean;
};

export type AreaCalibrationRequest = {
  /** Liberty files of one library. */
  readonly liberty: readonly string[];
  /** Name of that library's technology table. */
  readonly technology: string;
  /** The float MobileNetV1-0.25 of Keras (.h5); its layers behind the seventh block take part. */
  readonly keras: string;
  readonly out?: string;
  readonly onProgress?: ProgressListener;
};

const CALIBRATION_IMAGES = 16;
/** Blocks of the Keras network that take part: those behind the ones that judge the calibration. */
const FIRST_KERAS_BLOCK = 8;

/** Quantize on random images: areas follow from weights and multipliers, whose accuracy does not matter here. */
async function quantizeOnNoise(
  graph: Graph,
  options: Omit<QuantizeOptions, "calibration"> = {},
): Promise<QuantNetwork> {
  const [height = 1, width = 1, channels = 1] = graph.nodes[0]!.shape;
  const rng = createRng(1);
  const size = height * width * channels;
  const bytes = Uint8Array.from({ length: CALIBRATION_IMAGES * size }, () => rng.integer(256));
  return quantize(graph, { ...options, calibration: { pixels: bytes, count: CALIBRATION_IMAGES } });
}

/** Layers with weights, in order. */
const weighted = (network: QuantNetwork): readonly NodeName[] =>
  network.nodes.flatMap(({ kind, name }) => (kind === "conv2d" || kind === "depthwiseConv2d" ? [name] : []));

async function fronts(request: AreaCalibrationRequest): Promise<readonly CalibrationFront[]> {
  const own = await importModel(join(packageRoot, "models", "mobilenet-v1-025-48-cifar100.json"));
  const keras = await importModel(request.keras);
  const networks = {
    lean: await quantizeOnNoise(own),
    tflite: await quantizeOnNoise(own, { mode: "tflite" }),
    keras: await quantizeOnNoise(keras, { mode: "tflite" }),
  };
  const through = (network: QuantNetwork, layer: number): NodeName => weighted(network)[layer]!;
  const last = 2 * 13;
  return [
    {
      name: "own backbone, lean, folded",
      network: networks.lean,
      through: through(networks.lean, 20),
      folding: { kind: "auto" },
    },
    {
      name: "own backbone, lean, parallel",
      network: networks.lean,
      through: through(networks.lean, 10),
      folding: { kind: "none" },
    },
    {
      name: "own backbone, tflite, parallel",
      network: networks.tflite,
      through: through(networks.tflite, 8),
      folding: { kind: "none" },
    },
    {
      name: `Keras MobileNetV1-0.25 from block ${FIRST_KERAS_BLOCK} on, folded`,
      network: networks.keras,
      through: through(networks.keras, last),
      folding: { kind: "auto" },
      picks: (layer) => weighted(networks.keras).indexOf(layer as NodeName) > 2 * (FIRST_KERAS_BLOCK - 1),
    },
  ];
}

/**
 * Map the layers of networks that no acceptance is measured on, and fit what counted cells take after mapping; write the factors.
 *
 * @throws FixynnError FX7075 when a layer cannot be mapped
 */
export async function calibrateArea(request: AreaCalibrationRequest): Promise<AreaCalibration> {
  const library = readCellLibrary(request.liberty);
  const technology = readTechnology(request.technology);
  const engine = defaultEngine();
  const samples: Record<"datapath" | "requantization" | "control", AreaSample[]> = {
    datapath: [],
    requantization: [],
    control: [],
  };
  const networks: { name: string; layers: number }[] = [];
  for (const { name, network, through, folding, picks = () => true } of await fronts(request)) {
    const front = compileFrontEnd(truncateQuantNetwork(network, through), through, { folding });
    const layers = front.layers.filter(({ node }) => picks(node.name));
    const mapped = await mapLayers(
      layers.map(({ node, name: module }) => ({ name: node.name, module })),
      emitVerilog(front),
      {
        library,
        engine,
        cacheFolder: join(defaultCacheFolder(), "mapping"),
        ...(request.onProgress === undefined ? {} : { onProgress: request.onProgress }),
      },
    );
    for (const { node, stats } of layers) {
      const mapping = mapped.get(node.name)!;
      if (mapping.kind === "failed")
        throw new FixynnError("FX7075", mapping.message, { place: `${name}: ${node.name}` });
      const area = mappedAreaUm2(mapping.netlist(), library);
      const counts = countsOf(node.name, stats);
      const { resetBits } = registerCells(counts);
      samples.datapath.push({ counts: counts.datapath, areaUm2: area.datapath });
      samples.requantization.push({ counts: counts.requantization, areaUm2: area.requantization });
      samples.control.push({
        counts: { ...counts.control, and2: (counts.control.and2 ?? 0) + resetBits },
        areaUm2: area.control,
      });
    }
    networks.push({ name, layers: layers.length });
  }
  // Adders of the weighted sums are bound to their cells one by one.
  const fitted = (component: keyof typeof samples) =>
    fitAreaFactors(
      samples[component],
      technology,
      component === "datapath" ? ["fullAdder", "halfAdder"] : [],
    );
  const [datapath, requantization, control] = [
    fitted("datapath"),
    fitted("requantization"),
    fitted("control"),
  ];
  const rounded = <T extends object>(factors: T): T =>
    Object.fromEntries(
      Object.entries(factors).map(([role, f]) => [role, Number((f as number).toFixed(4))]),
    ) as T;
  const calibration: AreaCalibration = {
    schema: "fixynn.areaCalibration.v1",
    source: {
      command: "npm run reproduce -- area-calibration",
      library: request.liberty.map((file) => basename(file)).join(" "),
      engine: engine.name,
      networks,
      method:
        "least squares of relative errors of each component's mapped area over all layers, with a weak pull of every factor towards 1; full and half adders of the datapath are bound one by one: 1",
    },
    factors: {
      datapath: rounded(datapath.factors),
      requantization: rounded(requantization.factors),
      control: rounded(control.factors),
    },
    residuals: rounded({
      datapath: datapath.residual,
      requantization: requantization.residual,
      control: control.residual,
    }),
  };
  writeFileAtomic(request.out ?? AREA_CALIBRATION_FILE, `${JSON.stringify(calibration, null, 2)}\n`);
  return calibration;
}
