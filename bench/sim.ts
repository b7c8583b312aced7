import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { CheckFailedError } from "../src/core/index.js";
import { type NodeName, nodeName } from "../src/graph/index.js";
import {
  compileFrontEnd,
  emitFrontEnd,
  emitVerilog,
  type FrontEnd,
  type FrontFolding,
  streamOf,
  TESTBENCH_MODULE,
  TOP_MODULE,
} from "../src/hw/index.js";
import {
  executeQuantNetwork,
  type QuantNetwork,
  type QuantValues,
  resizeQuantNetwork,
  truncateQuantNetwork,
} from "../src/quant/index.js";
import {
  createSimulator,
  flatten,
  LANES,
  readBack,
  runVerilator,
  type SimNetlist,
  simulateStream,
} from "../src/sim/index.js";
import { loadMobileNet, loadPhotos } from "./mobilenet.js";
import type { BenchRow, BenchTable } from "./table.js";

/** Chains that Verilator is given, shortest first, until one takes longer than the limit to build. */
const VERILATOR_CHAINS = [
  "Conv2d_1_pointwise",
  "Conv2d_3_pointwise",
  "Conv2d_6_pointwise",
  "Conv2d_13_pointwise",
];
const VERILATOR_SECONDS = 90;
const VERILATOR_PHOTOS = 2;

const secondsSince = (started: number): number => (performance.now() - started) / 1000;
const isInstalled = (tool: string): boolean =>
  spawnSync(tool, ["--version"], { stdio: "ignore" }).error === undefined;

/** A compiled front with photos and the bytes that the integer network gives for them. */
type Case = {
  readonly name: string;
  readonly front: FrontEnd;
  readonly files: ReadonlyMap<string, string>;
  readonly photos: Uint8Array;
  readonly golden: QuantValues;
};

/** Collects rows. */
class Rows {
  readonly list: BenchRow[] = [];

  add(name: string, metric: string, value: number, unit: string): void {
    this.list.push({ name, metric, value, unit });
    // Minutes lie between some rows.
    process.stderr.write(`${name}: ${metric} ${value.toPrecision(4)} ${unit}\n`);
  }

  /** Say that a tool is absent. */
  missing(name: string, tool: string): void {
    this.add(`${name}: no ${tool} on the PATH`, "missing", 1, "tools");
  }
}

function compileCase(
  rows: Rows,
  name: string,
  network: QuantNetwork,
  folding: FrontFolding,
): Pick<Case, "name" | "front" | "files"> {
  const started = performance.now();
  const front = compileFrontEnd(network, network.output, { folding });
  const files = emitVerilog(front);
  rows.add(name, "compile", secondsSince(started), "s");
  rows.add(name, "cyclesPerFrame", front.cyclesPerFrame, "cycles");
  return { name, front, files };
}

/** Read a front back by Yosys, nothing cached, two runs at a time. */
async function readCase(
  rows: Rows,
  { name, files }: Pick<Case, "name" | "files">,
  engine: "wasm" | "native",
): Promise<{ readonly netlist: SimNetlist; readonly seconds: number }> {
  const started = performance.now();
  const netlist = await readBack(files, TOP_MODULE, { engine });
  const seconds = secondsSince(started);
  rows.add(name, engine === "wasm" ? "readBack.npm" : "readBack.native", seconds, "s");
  return { netlist, seconds };
}

/** Simulate one photo a lane and compare the bytes. Returns the seconds of preparing and of running. */
function simulate(
  { name, front, photos, golden }: Case,
  netlist: SimNetlist,
  lanes: number,
): { readonly preparing: number; readonly running: number; readonly gates: number } {
  const [input, output] = [streamOf(front.input), streamOf(front.output)];
  const size = input.beats * input.channels;
  const started = performance.now();
  const simulator = createSimulator(flatten(netlist), { lanes });
  const preparing = secondsSince(started);
  const inputs = Array.from({ length: lanes }, (_, i) => photos.subarray(i * size, (i + 1) * size));
  const begun = performance.now();
  const { outputs } = simulateStream(simulator, {
    inputs,
    valuesPerBeat: { input: input.channels, output: output.channels },
    bits: { input: input.bits, output: output.bits },
    signed: front.output.signed,
    frames: 1,
    outputBeatsPerFrame: output.beats,
  });
  const running = secondsSince(begun);
  const perPhoto = output.beats * output.channels;
  for (const [lane, values] of outputs.entries()) {
    const wrong = values.findIndex((value, i) => value !== golden[lane * perPhoto + i]);
    if (wrong >= 0)
      throw new CheckFailedError("FX9006", `photo ${lane} differs at value ${wrong}`, { place: name });
  }
  return { preparing, running, gates: simulator.gateCount };
}

/** Rows of a front simulated on so many photos at once: with preparation, and with preparation and reading. */
function simulateRows(
  rows: Rows,
  one: Case,
  read: Awaited<ReturnType<typeof readCase>>,
  lanes: number,
): void {
  const { preparing, running, gates } = simulate(one, read.netlist, lanes);
  const name = `${one.name}, ${lanes} photos`;
  rows.add(name, "run", running, "s");
  rows.add(name, "imagesPerSecond", lanes / running, "images/s");
  rows.add(name, "imagesPerSecond.cachedNetlist", lanes / (running + preparing), "images/s");
  rows.add(name, "imagesPerSecond.withReadBack", lanes / (running + preparing + read.seconds), "images/s");
  rows.add(name, "gates", gates, "gates");
}

/** The first layers of a front, in the same forms: the same modules under another top. */
function prefixOf(front: FrontEnd, through: NodeName): FrontEnd {
  const layers = new Map(front.layers.map(({ node, stats }) => [node.name, stats.parallelism]));
  const network = truncateQuantNetwork(front.network, through);
  return compileFrontEnd(network, through, { folding: { kind: "given", layers } });
}

/** Build and run longer and longer chains in Verilator, at full speed, and the same ones here. */
async function verilatorRows(rows: Rows, whole: Case): Promise<void> {
  const name = whole.name;
  if (!isInstalled("verilator")) return rows.missing(name, "verilator");
  for (const through of VERILATOR_CHAINS.map(nodeName)) {
    const front = prefixOf(whole.front, through);
    const chain = `${name}, first ${front.layers.length} layers`;
    const photos = whole.photos.subarray(0, (whole.photos.length / LANES) * LANES);
    const golden = executeQuantNetwork(front.network, photos, LANES).get(through)!;
    const share = VERILATOR_PHOTOS / LANES;
    const vectors = {
      inputs: photos.subarray(0, photos.length * share),
      outputs: golden.subarray(0, golden.length * share),
      count: VERILATOR_PHOTOS,
    };
    const folder = mkdtempSync(join(tmpdir(), "fixynn-bench-"));
    try {
      for (const [file, text] of emitFrontEnd(front, { vectors })) writeFileSync(join(folder, file), text);
      const verdict = await runVerilator({
        folder,
        top: TESTBENCH_MODULE,
        plusargs: ["+stall=0"],
        timeoutSeconds: VERILATOR_SECONDS,
      });
      if (!verdict.passed)
        throw new CheckFailedError("FX9006", "Verilator sees a mismatch", { place: chain });
      const { buildSeconds, runSeconds } = verdict;
      const files = emitVerilog(front);
      const started = performance.now();
      const netlist = await readBack(files, TOP_MODULE);
      const reading = secondsSince(started);
      const ours = simulate({ name: chain, front, files, photos, golden }, netlist, LANES);
      rows.add(chain, "verilator.build", buildSeconds, "s");
      rows.add(chain, "readBack.npm", reading, "s");
      const compare = (metric: string, seconds: number, theirs: number): void => {
        const [value, peer] = [LANES / seconds, VERILATOR_PHOTOS / theirs];
        const beside = { peer: { name: "Verilator", value: peer }, ratio: value / peer };
        rows.list.push({ name: chain, metric, value, unit: "images/s", ...beside });
      };
      compare("imagesPerSecond", ours.running, runSeconds);
      compare(
        "imagesPerSecond.withBuild",
        ours.running + ours.preparing + reading,
        runSeconds + buildSeconds,
      );
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "FX6022")) throw error;
      rows.add(`${chain}: not built or not run by Verilator within`, "limit", VERILATOR_SECONDS, "s");
      return;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/**
 * Simulate the front of the published quantized MobileNetV1-0.25 (27 layers; also its layers on 96×96 images) on photos, from Verilog that Yosys reads back:
 * images/s with 16 and 128 photos at once, in one thread, every byte compared; reading by the npm and the native Yosys, two runs at a time. The
 * fully parallel form beside it. Verilator, two threads to build and one to run, on chains of the same modules, as long as it builds them in time.
 */
export async function run(): Promise<BenchTable> {
  const rows = new Rows();
  const { network: whole, freezePoint } = loadMobileNet();
  const front224 = truncateQuantNetwork(whole, freezePoint);
  for (const network of [resizeQuantNetwork(front224, 96), front224]) {
    const [side] = network.nodes[0]!.output.shape;
    const photos = await loadPhotos(network, LANES);
    const golden = executeQuantNetwork(network, photos, LANES).get(freezePoint)!;
    const folded = compileCase(rows, `${side}x${side}, folded`, network, { kind: "auto" });
    const read = await readCase(rows, folded, "wasm");
    for (const lanes of [16, LANES]) simulateRows(rows, { ...folded, photos, golden }, read, lanes);
    if (side === 96) {
      await verilatorRows(rows, { ...folded, photos, golden });
      continue;
    }
    const parallel = compileCase(rows, `${side}x${side}, parallel`, network, { kind: "none" });
    const readParallel = await readCase(rows, parallel, "wasm");
    simulateRows(rows, { ...parallel, photos, golden }, readParallel, 16);
    if (!isInstalled("yosys")) rows.missing(`${side}x${side}`, "yosys");
    else for (const one of [folded, parallel]) await readCase(rows, one, "native");
  }
  const peak = process.resourceUsage().maxRSS / 1024;
  rows.add("all", "peakMemory", peak, "MB");
  return { bench: "sim", machine: cpus()[0]?.model ?? "unknown", rows: rows.list };
}
