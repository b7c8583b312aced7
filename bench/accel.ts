import { cpus } from "node:os";
import { type FrameCycles, predictCycles } from "../src/accel/cycles/index.js";
import {
  compileEngine,
  describePacking,
  type EngineConfig,
  type EngineProgram,
  engineConfig,
  packForEngine,
  streamGeometry,
} from "../src/accel/index.js";
import { CheckFailedError, createRng } from "../src/core/index.js";
import { type NodeName, nodeName } from "../src/graph/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import {
  allocateValues,
  executeFrom,
  findQuantNode,
  type QuantNetwork,
  quantInput,
  truncateQuantNetwork,
  typeRange,
} from "../src/quant/index.js";
import { nvdlaUtilization, SYSTOLIC } from "./accel-peers.js";
import { measureFrame } from "./accel-rtl.js";
import { loadMobileNet } from "./mobilenet.js";
import { sharedPath } from "./photos.js";
import type { BenchRow, BenchTable } from "./table.js";

/** Behind this layer the engine computes. */
const FROM = nodeName("Conv2d_6_depthwise");
/** The layer that SCALE-Sim's other figure is for. */
const FIRST = nodeName("Conv2d_0");
/** 8 GB/s at 500 MHz, and a DRAM controller's answer at that clock. */
const MEMORY = { bytesPerCycle: 16, latencyCycles: 40 } as const;
/** Arrays, and which of them run as RTL too: our simulator takes a minute or two for each. */
const ARRAYS = [
  { cPar: 8, kPar: 8, isRun: false },
  { cPar: 16, kPar: 16, isRun: true },
  { cPar: 32, kPar: 16, isRun: true },
  { cPar: 32, kPar: 32, isRun: false },
  { cPar: 64, kPar: 32, isRun: false },
] as const;
/** The aims; that for depthwise layers is meant for arrays up to the systolic one's size. */
const LEAST_TAIL_UTILIZATION = 0.6;
const LEAST_DEPTHWISE_RATIO = 5;
/** How far the cycle model may be from the RTL, on each layer and in all; layers of less than 200 cycles have the 10 cycles of one of 200. */
const CYCLE_TOLERANCE = 0.05;
const LEAST_TOLERANCE_CYCLES = 10;
const UNIT = "of the multipliers";

const within = (model: number, rtl: number): boolean =>
  Math.abs(model - rtl) <= Math.max(CYCLE_TOLERANCE * rtl, LEAST_TOLERANCE_CYCLES);

const failed = (message: string): never => {
  throw new CheckFailedError("FX6102", message, { place: "bench accel" });
};

/**
 * Utilization of the engine's multipliers on the tail of the quantized MobileNetV1-0.25 by the cycle model, by kind of layer and whole, beside a systolic array's
 * and that of NVDLA's atoms on the same layers. The 16×16 and 32×16 engines also run as RTL, byte for byte; the model must be within 5 % on each layer.
 *
 * @throws CheckFailedError FX6102 when bytes differ, the model is off, or an aim is missed
 */
export async function run(): Promise<BenchTable> {
  const { network } = loadMobileNet();
  const input = streamGeometry(findQuantNode(network, FROM).output);
  const rows: BenchRow[] = [];
  for (const { cPar, kPar, isRun } of ARRAYS) {
    const config = engineConfig({ cPar, kPar, weightBits: 9, multiplierBits: 32, input });
    const program = compileEngine({ network, config, from: FROM });
    const [frame] = predictCycles({ config, program: program.bytes, memory: MEMORY, frames: 1 });
    rows.push(...utilizationRows(network, config, program, frame!));
    if (isRun) rows.push(...cycleRows(nameOf(config), network, FROM, config, program));
  }
  rows.push(...firstLayerRows(network), ...resNetRows());
  return { bench: "accel", machine: cpus()[0]?.model ?? "unknown", rows };
}

const nameOf = ({ cPar, kPar }: EngineConfig): string => `${cPar}x${kPar}`;

/** Cycles of each layer of the network: all of its descriptors, without what lies between them. */
function layerCycles(program: EngineProgram, frame: FrameCycles): readonly number[] {
  return program.layers.map(({ descriptors: [from, to] }) =>
    frame.layers
      .filter(({ descriptor }) => descriptor >= from && descriptor < to)
      .reduce((sum, { start, end }) => sum + end - start, 0),
  );
}

/** Utilization by kind of layer and of the whole tail, each beside NVDLA's atoms; depthwise layers beside the systolic array too. */
function utilizationRows(
  network: QuantNetwork,
  config: EngineConfig,
  program: EngineProgram,
  frame: FrameCycles,
): readonly BenchRow[] {
  const name = nameOf(config);
  const multipliers = config.cPar * config.kPar;
  const cycles = layerCycles(program, frame);
  const rows: BenchRow[] = [];
  const add = (title: string, value: number, peer?: BenchRow["peer"]): void => {
    const beside = peer === undefined ? {} : { peer, ratio: value / peer.value };
    rows.push({ name: title, metric: "utilization", value, unit: UNIT, ...beside });
  };
  const nvdla = (layers: EngineProgram["layers"]): BenchRow["peer"] => {
    const value = nvdlaUtilization(network, layers, config);
    return value === undefined ? undefined : { name: `NVDLA's atoms of ${name}, at most`, value };
  };
  for (const kind of new Set(program.layers.map((layer) => layer.kind))) {
    const own = program.layers.filter((layer) => layer.kind === kind);
    const macs = own.reduce((sum, layer) => sum + layer.macs, 0);
    const taken = cycles.reduce((sum, one, i) => sum + (program.layers[i]!.kind === kind ? one : 0), 0);
    const value = macs / (taken * multipliers);
    const title = `${name} ${kind === "conv2d" ? "pointwise" : kind}`;
    add(title, value, nvdla(own));
    if (kind !== "depthwiseConv2d") continue;
    add(title, value, { name: SYSTOLIC.name, value: SYSTOLIC.depthwise });
    if (multipliers <= SYSTOLIC.multipliers && value < LEAST_DEPTHWISE_RATIO * SYSTOLIC.depthwise)
      failed(`${name}: depthwise layers use ${(100 * value).toFixed(1)} % of the multipliers`);
  }
  const taken = frame.end - frame.start;
  const macs = program.layers.reduce((sum, layer) => sum + layer.macs, 0);
  const whole = macs / (taken * multipliers);
  add(`${name} whole tail`, whole, nvdla(program.layers));
  if (name === "16x16" && whole < LEAST_TAIL_UTILIZATION)
    failed(`the tail uses ${(100 * whole).toFixed(1)} % of the multipliers`);
  rows.push({ name, metric: "cyclesPerFrame", value: taken, unit: "cycles" });
  rows.push({ name, metric: "weightBytes", value: program.externalBytes.weights, unit: "bytes a frame" });
  return rows;
}

/**
 * Run a frame of random activations as RTL, compare the output's bytes, and set the cycle model beside it: each layer from the end of the one before to its own,
 * and the whole frame. The model is told when the frame came by the stream.
 */
function cycleRows(
  name: string,
  network: QuantNetwork,
  from: NodeName,
  config: EngineConfig,
  program: EngineProgram,
): readonly BenchRow[] {
  const rng = createRng(6);
  const { output } = findQuantNode(network, from);
  const image = allocateValues(
    output,
    output.shape.reduce((count, extent) => count * extent, 1),
  );
  const { low, high } = typeRange(output);
  for (let i = 0; i < image.length; i++) image[i] = low + rng.integer(high - low + 1);
  const measured = measureFrame(config, program, image, MEMORY);
  const timing = measured.input === undefined ? {} : { input: measured.input };
  const [predicted] = predictCycles({ config, program: program.bytes, memory: MEMORY, ...timing });
  const frame = predicted!;
  const wanted = executeFrom(network, from, image).get(network.output)!;
  if (wanted.some((value, i) => value !== measured.output[i]))
    failed(`${name}: the RTL's logits differ from the integer network's`);
  if (measured.layerEnds.length !== frame.layers.length)
    failed(
      `${name}: ${measured.layerEnds.length} layers ended in the RTL, ${frame.layers.length} in the model`,
    );
  const off: string[] = [];
  const row = (title: string, model: number, rtl: number): BenchRow => {
    if (!within(model, rtl)) off.push(`${title}: ${model} cycles in the model, ${rtl} in the RTL`);
    const peer = { name: "RTL", value: rtl };
    return { name: title, metric: "cycles.model", value: model, unit: "cycles", peer, ratio: model / rtl };
  };
  const lastOf = ({ descriptors }: EngineProgram["layers"][number]): number =>
    frame.layers.findLastIndex(({ descriptor }) => descriptor < descriptors[1]);
  const modelEnds = frame.layers.map(({ end }) => end - frame.start);
  const rows = program.layers.map((layer, i) => {
    const [last, before] = [lastOf(layer), i === 0 ? -1 : lastOf(program.layers[i - 1]!)];
    const own = (ends: readonly number[]): number => ends[last]! - (ends[before] ?? 0);
    return row(`${name} ${layer.name}`, own(modelEnds), own(measured.layerEnds));
  });
  rows.push(row(`${name} whole`, frame.end - frame.start, measured.cycles));
  if (off.length > 0) failed(off.join("; "));
  return rows;
}

/** The network's first layer on a 32×32 engine, the image as it is and packed: three input channels are few for an array that multiplies channels. */
function firstLayerRows(network: QuantNetwork): readonly BenchRow[] {
  const config = engineConfig({ cPar: 32, kPar: 32, weightBits: 9, multiplierBits: 32 });
  const plain = truncateQuantNetwork(network, FIRST);
  const packed = packForEngine(plain, config) ?? failed(`${FIRST}: packing its image gains nothing`);
  const macs = compileEngine({ network: plain, config }).layers.reduce((sum, layer) => sum + layer.macs, 0);
  return [
    ["", plain] as const,
    [`, image in ${describePacking(packed.packing)}`, packed.network] as const,
  ].map(([how, one]) => {
    const program = compileEngine({ network: one, config });
    const [frame] = predictCycles({ config, program: program.bytes, memory: MEMORY, frames: 1 });
    const value = macs / ((frame!.end - frame!.start) * config.cPar * config.kPar);
    return {
      name: `${nameOf(config)} ${FIRST}${how}`,
      metric: "utilization",
      value,
      unit: UNIT,
      peer: { name: SYSTOLIC.name, value: SYSTOLIC.firstLayer },
      ratio: value / SYSTOLIC.firstLayer,
    };
  });
}

/**
 * The quantized ResNet-8 wholly on a 16×16 engine whose activation memory is too small for it: sums of tensors, loads and stores, the model beside the RTL; the image as it is
 * and packed.
 */
function resNetRows(): readonly BenchRow[] {
  const plain = importTfliteFile(sharedPath("models", "resnet8_cifar10", "pretrainedResnet_quant.tflite"));
  const config = engineConfig({ cPar: 16, kPar: 16, activationBufferBytes: 32 * 1024 });
  const packed = packForEngine(plain, config) ?? failed("ResNet-8: packing its image gains nothing");
  const name = `${nameOf(config)} ResNet-8, 32 KB`;
  return [
    [name, plain] as const,
    [`${name}, image in ${describePacking(packed.packing)}`, packed.network] as const,
  ].flatMap(([title, network]) => {
    const program = compileEngine({ network, config });
    const bytes: BenchRow = {
      name: title,
      metric: "transferBytes",
      value: program.externalBytes.transfers,
      unit: "bytes a frame",
    };
    return [bytes, ...cycleRows(title, network, quantInput(network).name, config, program)];
  });
}
