import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  FixynnError,
  type ProgressListener,
  silent,
  WorkerPool,
  workerUrl,
  writeFileAtomic,
} from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import {
  emittedRegisters,
  type RegisterMap,
  type RegisterWrites,
  registerWrites,
  type Stream,
  streamOf,
  streamOfNode,
} from "../hw/index.js";
import {
  allocateValues,
  executeQuantNetwork,
  findQuantNode,
  inputsOfQuantNode,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
  type QuantValues,
  quantInput,
  valuesPerImage,
} from "../quant/index.js";
import { elementCount } from "../tensor/index.js";
import type { SimNetlist } from "./ir.js";
import { simNetlistToJson } from "./json.js";
import type { LayerInput, LayerRun, LayerRunResult, StreamFormat } from "./layer-run.js";
import { type ReadBackOptions, readBack } from "./read-back.js";
import type { ToggleCounts } from "./simulator.js";

/** Which module of the emitted files computes which layer. */
export type FrontEndLayer = { readonly node: NodeName; readonly module: string };

export type VerifyFrontEndOptions = Omit<ReadBackOptions, "onProgress"> & {
  /** Emitted files, name → text. */
  readonly files: ReadonlyMap<string, string>;
  readonly network: QuantNetwork;
  /** In the order of the data; each layer's inputs are the network's input or earlier ones of these, perhaps reshaped. */
  readonly layers: readonly FrontEndLayer[];
  /** count · height · width · channels bytes. */
  readonly images: Uint8Array;
  readonly count: number;
  /** Images of the second run, with random pauses; default 4. */
  readonly stalledImages?: number;
  /** Also run the whole front end as one linked module on the first images. */
  readonly whole?: { readonly module: string; readonly images: number };
  /** Registers of programmable normalization, which get the values of `network`; default those of the files' manifest, if there is one. */
  readonly registers?: RegisterMap | undefined;
  readonly countToggles?: boolean;
  readonly seed?: number;
  readonly onProgress?: ProgressListener;
};

/** The first value that differs from the integer network. */
export type Mismatch = {
  readonly image: number;
  readonly y: number;
  readonly x: number;
  readonly channel: number;
  readonly expected: number;
  readonly actual: number;
};

export type LayerVerdict = {
  readonly node: NodeName;
  readonly module: string;
  readonly images: number;
  /** Values compared, in both runs. */
  readonly values: number;
  readonly mismatches: number;
  /** Clock cycles between the starts of two frames at full speed. */
  readonly cyclesPerFrame: number;
  readonly firstMismatch: Mismatch | null;
  /** Counts over `countedFrames` frames; zeros unless asked for. */
  readonly toggles: ToggleCounts;
  readonly countedFrames: number;
  readonly gates: number;
  readonly seconds: number;
};

export type FrontEndVerdict = {
  readonly simulator: string;
  readonly images: number;
  readonly values: number;
  readonly mismatches: number;
  /** Of the slowest layer, which sets the pace. */
  readonly cyclesPerFrame: number;
  readonly layers: readonly LayerVerdict[];
  /** The linked whole, when asked for: same fields as a layer. */
  readonly whole: LayerVerdict | null;
  /** What the last layer's hardware gave for every image. */
  readonly outputs: QuantValues;
  /** What each layer's hardware gave for every image. */
  readonly layerOutputs: ReadonlyMap<NodeName, Int32Array>;
};

/** Pixels, channels and bits of a stream. */
export const formatOf = (type: QuantType): StreamFormat => {
  const { channels, beats: pixels, bits } = streamOf(type);
  return { pixels, channels, bits, signed: type.signed };
};

function compare(
  node: QuantNode,
  expected: QuantValues,
  actual: Int32Array,
): { readonly mismatches: number; readonly first: Mismatch | null } {
  const [, width = 1] = node.output.shape.length === 3 ? node.output.shape : [1, 1];
  const channels = node.output.shape.at(-1) ?? 1;
  const size = valuesPerImage(node);
  let mismatches = 0;
  let first: Mismatch | null = null;
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] === expected[i]) continue;
    mismatches++;
    if (first !== null) continue;
    const pixel = Math.floor((i % size) / channels);
    first = {
      image: Math.floor(i / size),
      y: Math.floor(pixel / width),
      x: pixel % width,
      channel: i % channels,
      expected: expected[i]!,
      actual: actual[i]!,
    };
  }
  return { mismatches, first };
}

/** Keep a run's result beside its inputs' hash; a run with the same netlist and bytes is not repeated. */
async function cachedRun(
  run: LayerRun,
  pool: WorkerPool<LayerRun, LayerRunResult>,
  folder: string | undefined,
): Promise<LayerRunResult> {
  if (folder === undefined) return pool.run(run);
  const { netlist, inputs, ...rest } = run;
  const formats = inputs.map(({ format }) => format);
  const hash = createHash("sha256").update(simNetlistToJson(netlist));
  hash.update(JSON.stringify({ ...rest, formats }));
  for (const { values } of inputs)
    hash.update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  const path = join(folder, `${run.module}-${hash.digest("hex").slice(0, 24)}.run.json`);
  const words = (text: string): Int32Array => {
    const bytes = Uint8Array.from(Buffer.from(text, "base64"));
    return new Int32Array(bytes.buffer);
  };
  const text = (array: Int32Array): string =>
    Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");
  if (existsSync(path)) {
    try {
      const kept = JSON.parse(readFileSync(path, "utf8"));
      return { ...kept, outputs: words(kept.outputs), stalledOutputs: words(kept.stalledOutputs) };
    } catch {
      // A damaged entry is computed again.
    }
  }
  const result = await pool.run(run);
  const { outputs, stalledOutputs } = result;
  writeFileAtomic(
    path,
    JSON.stringify({ ...result, outputs: text(outputs), stalledOutputs: text(stalledOutputs) }),
  );
  return result;
}

/** The modules below one module, itself included. */
function below(netlist: SimNetlist, module: string): SimNetlist {
  const modules = new Map<string, NonNullable<ReturnType<SimNetlist["modules"]["get"]>>>();
  const visit = (name: string): void => {
    const found = netlist.modules.get(name);
    if (found === undefined || modules.has(name)) return;
    modules.set(name, found);
    for (const cell of found.instances) visit(cell.module);
  };
  visit(module);
  return { kind: "simNetlist", top: module, modules };
}

/** What a layer reads: the layers (or the network's input) whose outputs travel to it, seen as it sees them. */
export function streamsInto(network: QuantNetwork, { node: name, module }: FrontEndLayer): readonly Stream[] {
  return inputsOfQuantNode(findQuantNode(network, name)).map((input) => {
    const stream = streamOfNode(network, input);
    if (stream === undefined)
      throw new FixynnError("FX6030", `layer ${name} reads a reshape that is no stream`, { place: module });
    return stream;
  });
}

function checkOrder(network: QuantNetwork, layers: readonly FrontEndLayer[]): void {
  const known = new Set<NodeName>([quantInput(network).name]);
  for (const layer of layers) {
    if (!streamsInto(network, layer).every(({ carrier }) => known.has(carrier))) {
      throw new FixynnError("FX6030", `layer ${layer.node} does not follow from earlier layers`, {
        place: layer.module,
      });
    }
    known.add(layer.node);
  }
}

/**
 * Prove on images that emitted Verilog computes what the integer network says: read it back by Yosys, simulate every layer's module
 * in bit lanes, one image a lane, and compare every value.
 *
 * Each layer's hardware is fed what the hardware before it gave out. Layers run in parallel on the integer network's values first;
 * a layer behind one with mismatches runs again on what that one really gave.
 *
 * @throws FixynnError as `readBack`; CheckFailedError FX6010 … FX6013 when a module's control or stream protocol is broken
 */
export async function verifyFrontEnd(options: VerifyFrontEndOptions): Promise<FrontEndVerdict> {
  const { files, network, layers, images, count, threads = 2, cacheFolder, onProgress = silent } = options;
  const { stalledImages = 4, countToggles = false, seed = 1, whole, signal } = options;
  const registers = options.registers ?? emittedRegisters(files);
  checkOrder(network, layers);
  const input = quantInput(network);
  const golden = executeQuantNetwork(network, images, count, { outputs: layers.map(({ node }) => node) });
  const actual = new Map<NodeName, Int32Array>();
  const wrong = new Set<NodeName>();

  const tops = [...(whole ? [whole.module] : []), ...layers.map((layer) => layer.module)];
  const netlist = await readBack(files, tops, options);
  const script = workerUrl(import.meta.url, "./layer.worker.js");
  const pool = new WorkerPool<LayerRun, LayerRunResult>(
    script,
    Math.min(threads, layers.length + (whole ? 1 : 0)),
  );
  const stop = (): void => void pool.stop();
  signal?.addEventListener("abort", stop);
  let done = 0;
  const report = (): void =>
    onProgress({ job: "simulate front end", done, total: layers.length + (whole ? 1 : 0), unit: "layers" });
  report();

  const simulate = async (
    layer: FrontEndLayer,
    sources: readonly Stream[],
    valuesOf: (name: NodeName) => ArrayLike<number>,
    imageCount: number,
    writes: RegisterWrites | undefined,
  ): Promise<LayerVerdict & { readonly outputs: Int32Array }> => {
    const node = findQuantNode(network, layer.node);
    const inputs = sources.map(({ carrier, type }): LayerInput => {
      const values = valuesOf(carrier);
      const length = imageCount * elementCount(type.shape);
      return { format: formatOf(type), values: Int32Array.from({ length }, (_, i) => values[i]!) };
    });
    const run: LayerRun = {
      netlist: below(netlist, layer.module),
      module: layer.module,
      inputs,
      output: formatOf(node.output),
      registers: writes,
      images: imageCount,
      countToggles,
      stalledImages,
      seed,
    };
    const result = await cachedRun(run, pool, cacheFolder);
    const expected = golden.get(layer.node)!;
    const main = compare(node, expected, result.outputs);
    const stalled = compare(node, expected, result.stalledOutputs);
    const { cyclesPerFrame, toggles, countedFrames, gates, seconds } = result;
    return {
      ...layer,
      images: imageCount,
      values: result.outputs.length + result.stalledOutputs.length,
      mismatches: main.mismatches + stalled.mismatches,
      firstMismatch: main.first ?? stalled.first,
      cyclesPerFrame,
      toggles,
      countedFrames,
      gates,
      seconds,
      outputs: result.outputs,
    };
  };
  try {
    const goldenOf = (name: NodeName): ArrayLike<number> => golden.get(name) ?? images;
    const actualOf = (name: NodeName): ArrayLike<number> => actual.get(name) ?? images;
    const last = layers.at(-1)!;
    const counted = async <T>(run: Promise<T>): Promise<T> => {
      const result = await run;
      done++;
      report();
      return result;
    };
    const writesOf = (layer: FrontEndLayer) => registers && registerWrites(registers, network, layer.node);
    const simulateWhole = ({ module, images: most }: NonNullable<typeof whole>) => {
      const from = [{ carrier: input.name, type: input.output }];
      const writes = registers && registerWrites(registers, network);
      return simulate({ node: last.node, module }, from, goldenOf, Math.min(most, count), writes);
    };
    // The whole first: it takes longest.
    const [wholeRun, ...first] = await Promise.all([
      whole === undefined ? null : counted(simulateWhole(whole)),
      ...layers.map((layer) =>
        counted(simulate(layer, streamsInto(network, layer), goldenOf, count, writesOf(layer))),
      ),
    ]);
    const verdicts: LayerVerdict[] = [];
    for (const [i, layer] of layers.entries()) {
      const sources = streamsInto(network, layer);
      const { outputs, ...verdict } = sources.some(({ carrier }) => wrong.has(carrier))
        ? await simulate(layer, sources, actualOf, count, writesOf(layer))
        : first[i]!;
      actual.set(layer.node, outputs);
      if (verdict.mismatches > 0) wrong.add(layer.node);
      verdicts.push(verdict);
    }
    let wholeVerdict: LayerVerdict | null = null;
    if (wholeRun !== null) {
      const { outputs: _, ...verdict } = wholeRun;
      wholeVerdict = verdict;
    }
    const all = wholeVerdict === null ? verdicts : [...verdicts, wholeVerdict];
    const lastNode = findQuantNode(network, last.node);
    const outputs = allocateValues(lastNode.output, count * valuesPerImage(lastNode));
    outputs.set(actual.get(last.node)!);
    return {
      simulator: "fixynn levelized (Yosys read-back)",
      images: count,
      values: all.reduce((sum, { values }) => sum + values, 0),
      mismatches: all.reduce((sum, { mismatches }) => sum + mismatches, 0),
      cyclesPerFrame: Math.max(...verdicts.map((verdict) => verdict.cyclesPerFrame)),
      layers: verdicts,
      whole: wholeVerdict,
      outputs,
      layerOutputs: actual,
    };
  } finally {
    signal?.removeEventListener("abort", stop);
    await pool.stop();
    signal?.throwIfAborted();
  }
}
