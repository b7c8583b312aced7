import {
  type LayerResult,
  parseResults,
  type RangeResult,
  type Results,
  type SweepEntry,
} from "../../src/report/index.js";

/** Strides of the thirteen depthwise layers of MobileNetV1 and channels after each pointwise layer (width 0.25). */
const blocks = [
  [1, 16],
  [2, 32],
  [1, 32],
  [2, 64],
  [1, 64],
  [2, 128],
  [1, 128],
  [1, 128],
  [1, 128],
  [1, 128],
  [1, 128],
  [2, 256],
  [1, 256],
] as const;

type Size = Pick<LayerResult, "name" | "kind" | "inputShape" | "outputShape" | "macs" | "weights">;

/** Sizes of MobileNetV1 0.25 at 48×48 with ten classes: real shapes and counts. */
function layerSizes(): readonly Size[] {
  const sizes: Size[] = [
    {
      name: "conv1",
      kind: "conv2d",
      inputShape: [48, 48, 3],
      outputShape: [24, 24, 8],
      macs: 576 * 216,
      weights: 216,
    },
  ];
  let side = 24;
  let channels = 8;
  blocks.forEach(([stride, out], i) => {
    const after = Math.ceil(side / stride);
    const area = after * after;
    sizes.push({
      name: `conv_dw_${i + 1}`,
      kind: "depthwiseConv2d",
      inputShape: [side, side, channels],
      outputShape: [after, after, channels],
      macs: area * 9 * channels,
      weights: 9 * channels,
    });
    sizes.push({
      name: `conv_pw_${i + 1}`,
      kind: "conv2d",
      inputShape: [after, after, channels],
      outputShape: [after, after, out],
      macs: area * channels * out,
      weights: channels * out,
    });
    side = after;
    channels = out;
  });
  sizes.push({
    name: "predictions",
    kind: "dense",
    inputShape: [256],
    outputShape: [10],
    macs: 2560,
    weights: 2560,
  });
  return sizes;
}

const around = (nominal: number, share: number): RangeResult => ({
  low: nominal * (1 - share),
  nominal,
  high: nominal * (1 + share),
});

/** Invented but plausible hardware figures: a fixture to render, not a measurement. */
function layersFrozenTo(last: string): readonly LayerResult[] {
  const sizes = layerSizes();
  const cut = sizes.findIndex(({ name }) => name === last);
  return sizes.map((size, i) => {
    if (i > cut) return { ...size, frozen: false };
    const csdDigits = Math.round(size.weights * 2.74);
    const fullAdders = Math.round(csdDigits * 6.1);
    const outputs = size.outputShape[2] ?? 1;
    const registerBits = Math.round(fullAdders * 0.7 + outputs * 40);
    const kernelRows = size.name.startsWith("conv_pw") ? 0 : 2;
    const sramBits = kernelRows * (size.inputShape[1] ?? 0) * (size.inputShape[2] ?? 0) * 8;
    const areaPartsMm2 = {
      datapath: fullAdders * 7.2e-7,
      registers: registerBits * 6.1e-7,
      sram: sramBits * 2.1e-7,
    };
    const energyPartsUj = {
      datapath: (size.macs / size.weights) * fullAdders * 1.9e-9,
      registers: (size.macs / size.weights) * registerBits * 2.4e-9,
      sram: (size.macs / size.weights) * sramBits * 1.1e-10,
    };
    const sum = (parts: typeof areaPartsMm2): number => parts.datapath + parts.registers + parts.sram;
    const beats = (size.outputShape[0] ?? 1) * (size.outputShape[1] ?? 1);
    return {
      ...size,
      frozen: true,
      zeroShare: 0.04 + 0.003 * i,
      csdDigits,
      adders: { fullAdders, halfAdders: Math.round(fullAdders * 0.17), carryPropagateBits: outputs * 19 },
      registerBits,
      sramBits,
      areaMm2: sum(areaPartsMm2),
      areaPartsMm2,
      requantizationMm2: areaPartsMm2.datapath * 0.1,
      energyUj: sum(energyPartsUj),
      // The widest layer stands for one that is too large for the simulation with delays.
      energyRangeUj: around(sum(energyPartsUj), size.weights > 16_000 ? 0.6 : 0.1),
      ...(size.weights > 16_000 ? {} : { glitchFactor: 1.2 + 0.04 * i }),
      energyPartsUj,
      cyclesPerFrame: 2401,
      utilization: beats / 2401,
      verified: { images: 128, values: 128 * beats * outputs, mismatches: 0 },
    };
  });
}

function entryFor(layer: string, accuracies: readonly [number, number, number]): SweepEntry {
  const layers = layersFrozenTo(layer);
  const frozen = layers.filter((row) => row.frozen);
  const total = (field: (row: LayerResult) => number): number =>
    frozen.reduce((sum, row) => sum + field(row), 0);
  const frozenMacs = total(({ macs }) => macs);
  const area = {
    datapath: total(({ areaPartsMm2 }) => areaPartsMm2?.datapath ?? 0),
    registers: total(({ areaPartsMm2 }) => areaPartsMm2?.registers ?? 0),
    sram: total(({ areaPartsMm2 }) => areaPartsMm2?.sram ?? 0),
    accelerator: 0.41,
  };
  const areaTotal = area.datapath + area.registers + area.sram + area.accelerator;
  const frontUj = total(({ energyUj }) => energyUj ?? 0);
  const deep = layer === "conv_pw_7";
  const energyPerFrameUj = frontUj + (deep ? 0.21 : 0.31);
  const framesPerSecond = deep ? 41_200 : 22_700;
  const macs = layers.reduce((sum, row) => sum + row.macs, 0);
  const topsPerWatt = (2 * macs) / energyPerFrameUj / 1e6;
  const tops = (2 * macs * framesPerSecond) / 1e12;
  const values = total(({ verified }) => verified?.values ?? 0);
  const [float, int8, hardware] = accuracies;
  const tier = "modelled";
  return {
    freezePoint: {
      layer,
      frozenLayers: frozen.length,
      frozenParams: total(({ weights }) => weights),
      frozenMacs,
    },
    datasets: [
      {
        name: "CIFAR-10",
        classes: 10,
        train: 50_000,
        test: 10_000,
        source: "Krizhevsky 2009, test fixture",
        accuracy: {
          unfrozen: { value: 0.7832, images: 10_000 },
          float: { value: float, images: 10_000 },
          int8: { value: int8, images: 2000 },
          hardware: { value: hardware, images: 128 },
        },
        training: {
          unfrozen: { epochs: 4, seconds: 171.2, imagesSeen: 200_000, loss: 0.6123 },
          tail: { epochs: 3, seconds: deep ? 38.4 : 66.9, imagesSeen: 150_000, loss: deep ? 0.7012 : 0.6411 },
        },
      },
    ],
    layers: [...layers],
    rtl: {
      dir: `rtl/${layer}`,
      modules: frozen.length * 3 + 2,
      lines: frozen.length * 611,
      verified: { simulator: "fixynn", images: 128, values, mismatches: 0 },
      judges: [{ simulator: "verilator 5.006", images: 4, values: values / 32, mismatches: 0 }],
    },
    system: {
      simulator: "fixynn levelized (Yosys read-back)",
      ...{ images: 128, values: 1280, mismatches: 0 },
      cyclesPerFrame: deep ? 17_359 : 22_006,
      dir: `chip/${layer}`,
      engine: {
        ...{ cPar: 16, kPar: 16, weightBufferBytes: 32_768, activationBufferBytes: 131_072 },
        memory: { latencyCycles: 40, bytesPerCycle: 16 },
      },
      tasks: [
        {
          dataset: "cifar10",
          ...{ images: 128, values: 1280, mismatches: 0 },
          accuracy: { value: hardware, images: 128 },
          cyclesPerFrame: deep ? 17_359 : 22_006,
          predictedCyclesPerFrame: deep ? 17_792 : 22_021,
          firstFrameCycles: deep ? 19_764 : 24_022,
          utilization: deep ? 0.17 : 0.2,
          stallCycles: { weights: 20_944, input: 2465, transfers: 0, drain: 0 },
          macs: deep ? 775_000 : 1_180_000,
          ...{ programBytes: 216_320, weightBytesPerFrame: 213_760, activationBytesPerFrame: 16 },
          switching: { registerWrites: 1, weightBytes: 213_760 },
        },
      ],
      cost: {
        ...{ technology: "sky130hd", tier: "synthesized", source: "test fixture", clockMhz: 128.5 },
        areaMm2: { low: 4.4, nominal: 5.1, high: 5.9 },
        unitsMm2: { array: 0.93, drain: 0.74, activations: 2.6 },
        leakageMw: { low: 0.01, nominal: 0.02, high: 0.04 },
        tasks: [
          {
            dataset: "cifar10",
            energyPerFrameUj: { low: 8.1, nominal: 9.7, high: 12.2 },
            memoryEnergyPerFrameUj: { low: 12.8, nominal: 25.7, high: 69.5 },
          },
        ],
      },
      judges: [
        {
          ...{ simulator: "Verilator 5.006", part: "engine", module: "fxa_engine" },
          ...{ images: 4, values: 40, outcome: "equal" },
        },
      ],
    },
    cost: {
      technology: "example 16 nm",
      tier,
      source: "invented figures of the test fixture",
      clockMhz: 810,
      areaMm2: { ...area, total: areaTotal },
      energyPerFrameUj,
      energyPerFrameRangeUj: around(energyPerFrameUj, 0.25),
      framesPerSecond,
      tops,
      topsPerWatt,
      topsPerWattRange: around(topsPerWatt, 0.2),
      topsPerMm2: tops / areaTotal,
      front: {
        tier,
        areaMm2: areaTotal - area.accelerator,
        energyPerFrameUj: frontUj,
        energyPerFrameRangeUj: around(frontUj, 0.4),
        framesPerSecond: 337_359,
        tops: (2 * frozenMacs * 337_359) / 1e12,
        topsPerWatt: (2 * frozenMacs) / frontUj / 1e6,
      },
    },
    baseline: {
      name: "NVDLA 64",
      tier: "published",
      source: "nvdla.org primer, ResNet-50, 16 nm",
      areaMm2: 0.55,
      framesPerSecond: 7.3,
      tops: 0.128,
      topsPerWatt: 6.1,
    },
    gain: {
      tier,
      topsPerWatt: topsPerWatt / 6.1,
      topsPerWattRange: around(topsPerWatt / 6.1, 0.3),
      framesPerSecond: framesPerSecond / 7.3,
    },
    paper: {
      tier,
      technology: "16 nm FinFET",
      clockMhz: 810,
      areaMm2: deep ? 1.02 : 0.31,
      powerW: deep ? 0.71 : 0.83,
      framesPerSecond: deep ? 310_000 : 190_000,
      tops: deep ? 5.1 : 4.4,
      topsPerWatt: deep ? 7.18 : 5.3,
      baselineTopsPerWatt: 4.49,
      gain: deep ? 1.6 : 1.18,
      source: "DeepFreeze model_ppa.py coefficients",
    },
  };
}

/** A finished run with two freeze points on CIFAR-10. Shapes and MACs are MobileNetV1's; the rest is invented. */
export function resultsFixture(): Results {
  const sweep = [
    entryFor("conv_pw_3", [0.7761, 0.774, 99 / 128]),
    entryFor("conv_pw_7", [0.7523, 0.748, 95 / 128]),
  ];
  const { layers, ...chosen } = sweep[1]!;
  const sizes = layerSizes();
  return parseResults({
    schema: "fixynn.results.v1",
    tool: { version: "0.1.0", gitCommit: "0123456789ab" },
    config: { backbone: "mobilenet-v1-025-48", datasets: ["cifar10"], freeze: ["conv_pw_3", "conv_pw_7"] },
    seed: 1,
    machine: { cpu: "Example CPU", cores: 2, memoryGib: 8, os: "linux 6.1", node: "v20.19.0" },
    startedAt: "2026-01-02T03:04:05.000Z",
    seconds: 487.3,
    steps: [
      { name: "import", seconds: 0.4 },
      { name: "data", seconds: 6.1 },
      { name: "train", seconds: 276.5, reused: true },
      { name: "quantize", seconds: 41.8 },
      { name: "freeze", seconds: 19.2 },
      { name: "verify", seconds: 139.4 },
      { name: "cost", seconds: 3.2 },
      { name: "report", seconds: 0.7 },
    ],
    backbone: {
      name: "MobileNetV1-0.25",
      inputShape: [48, 48, 3],
      layers: sizes.length,
      params: sizes.reduce((sum, { weights }) => sum + weights, 0),
      macs: sizes.reduce((sum, { macs }) => sum + macs, 0),
      source: "test fixture",
    },
    ...chosen,
    layers,
    sweep,
  });
}
