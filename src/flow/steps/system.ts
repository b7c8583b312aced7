import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { FixynnError, UnsupportedOpError, writeFileAtomic } from "../../core/index.js";
import { defaultCacheFolder, subset } from "../../data/index.js";
import { defaultClock } from "../../hw/index.js";
import { classify, type QuantNetwork, type QuantValues, quantNetworkToJson } from "../../quant/index.js";
import type { SystemResult } from "../../report/index.js";
import { buildChip, type Chip, type ChipImages, chipFiles, goldenLogits } from "../chip.js";
import { judgeByVerilator, verilatorName } from "../chip-judge.js";
import { type SimulatedTask, simulateChip } from "../chip-simulation.js";
import type { FlowContext } from "../context.js";
import type { FrozenFront, SimulatedSystem } from "../fronts.js";
import { inputBytes, type LoadedDataset, spreadIndices } from "./data.js";
import { filesKey } from "./freeze.js";
import type { IntegerNetwork } from "./quantize.js";

type System = SystemResult;
type SystemTask = System["tasks"][number];

/** Frames one after another: while the engine works on the first, the front works on the second. */
const FRAMES = 2;
/** Frames of each task in the testbench that is delivered. */
const VECTOR_IMAGES = 4;

/** A dataset's network at the freeze point, with test images and their classes. */
type Test = {
  readonly dataset: LoadedDataset;
  readonly network: QuantNetwork;
  readonly images: ChipImages;
  readonly labels: ArrayLike<number>;
};

/** The first logit that differs from the golden executor's. */
function firstDifference(
  { network }: Test,
  actual: readonly QuantValues[],
  expected: readonly QuantValues[],
): System["firstMismatch"] {
  for (const [image, wanted] of expected.entries())
    for (const [channel, value] of wanted.entries())
      if (actual[image]![channel] !== value)
        return { layer: network.output, image, channel, expected: value, actual: actual[image]![channel]! };
  return undefined;
}

const differences = (actual: QuantValues, expected: QuantValues): number =>
  Array.from(expected).filter((value, i) => value !== actual[i]).length;

/** Compare a task's logits, and say what it took. */
function judgeTask(chip: Chip, test: Test, run: SimulatedTask, expected: readonly QuantValues[]): SystemTask {
  const { network, labels, images } = test;
  const { program } = chip.tasks.find(({ name }) => name === test.dataset.dataset.name)!;
  const classes = run.logits.map((logits) => classify(network, logits)[0]);
  const correct = classes.filter((one, i) => one === labels[i]).length;
  const macs = program.layers.reduce((sum, layer) => sum + layer.macs, 0);
  const { cyclesPerFrame, predictedCyclesPerFrame, firstFrameCycles, stallCycles } = run;
  return {
    dataset: test.dataset.dataset.name,
    images: images.count,
    values: expected.reduce((sum, logits) => sum + logits.length, 0),
    mismatches: expected.reduce((sum, logits, i) => sum + differences(run.logits[i]!, logits), 0),
    accuracy: { value: correct / images.count, images: images.count },
    ...{ cyclesPerFrame, predictedCyclesPerFrame, firstFrameCycles },
    utilization: macs / (cyclesPerFrame * chip.config.cPar * chip.config.kPar),
    stallCycles: { ...stallCycles },
    macs,
    programBytes: program.bytes.length,
    weightBytesPerFrame: program.externalBytes.weights,
    activationBytesPerFrame: program.externalBytes.transfers,
    // Weights are read in every frame: the next task's come in place of this one's.
    switching: { registerWrites: run.switchingWrites, weightBytes: program.externalBytes.weights },
  };
}

/** Errors that say that the engine cannot run this tail; others are ours. */
const cannot = (error: unknown): error is FixynnError =>
  error instanceof UnsupportedOpError || (error instanceof FixynnError && /^FX51[01]/.test(error.code));

/**
 * Simulate one front with an engine behind it on test images of every dataset, one task after another on one chip.
 *
 * @param deepest Verilator also runs it, where it is installed
 */
async function systemOf(
  context: FlowContext,
  front: FrozenFront,
  integer: readonly IntegerNetwork[],
  datasets: readonly LoadedDataset[],
  deepest: boolean,
): Promise<SimulatedSystem> {
  const { config, run, onProgress } = context;
  const { freezePoint } = front;
  const { hardwareImages, verilatorSeconds } = config.evaluation;
  const judged = deepest && verilatorSeconds > 0;
  const tests = datasets.map((dataset): Test => {
    const { network } = integer.find(
      (one) => one.freezePoint === freezePoint && one.dataset === dataset.dataset.name,
    )!;
    const side = network.nodes[0]!.output.shape[0]!;
    const { test } = dataset.dataset;
    const chosen = subset(test, spreadIndices(test.count, config.evaluation.hardwareImages));
    return { dataset, network, images: inputBytes(chosen, side, chosen.count), labels: chosen.labels };
  });
  const { memory, activationBufferBytes, ...engine } = config.engine;
  const dir = `chip/${freezePoint}`;
  const dependsOn = {
    rtl: filesKey(front.files),
    networks: tests.map(({ network }) => quantNetworkToJson(network)),
    data: datasets.map(({ key }) => key),
    hardwareImages,
    engine: config.engine,
    judge: judged ? verilatorName() : undefined,
  };
  const step = await run.step<Omit<SimulatedSystem, "freezePoint">>(
    `system/${freezePoint}`,
    dependsOn,
    async () => {
      let chip: Chip;
      try {
        chip = buildChip({
          front: front.compiled(),
          freezePoint,
          networks: tests.map(({ dataset, network }) => ({ name: dataset.dataset.name, network })),
          engine,
          clock: defaultClock,
        });
      } catch (error) {
        if (cannot(error)) return { noSystem: `${error.code}: ${error.message}` };
        throw error;
      }
      const vectors = tests.map(({ images: { bytes, count } }): ChipImages => {
        const few = Math.min(count, VECTOR_IMAGES);
        return { bytes: bytes.subarray(0, (bytes.length / count) * few), count: few };
      });
      const files = chipFiles(chip, vectors);
      for (const [name, content] of files) {
        const path = run.path(dir, name);
        mkdirSync(dirname(path), { recursive: true });
        writeFileAtomic(path, content);
      }
      const runs = await simulateChip({
        ...{ chip, files, memory, onProgress, frames: FRAMES, threads: config.threads },
        images: tests.map(({ images }) => images),
        cacheFolder: join(defaultCacheFolder(), "simulation"),
      });
      const judge = judged ? await judgeByVerilator(chip, files, vectors, verilatorSeconds) : undefined;
      const expected = tests.map(({ network, images }) => goldenLogits(network, images));
      const tasks = tests.map((test, i) => judgeTask(chip, test, runs[i]!, expected[i]!));
      const firstMismatch = tests
        .map((test, i) => firstDifference(test, runs[i]!.logits, expected[i]!))
        .find((one) => one !== undefined);
      const { cPar, kPar, weightBufferBytes, activationBufferBytes } = chip.config;
      const sum = (of: (task: SystemTask) => number): number =>
        tasks.reduce((total, task) => total + of(task), 0);
      const system: System = {
        simulator: "fixynn levelized (Yosys read-back)",
        images: sum(({ images }) => images),
        values: sum(({ values }) => values),
        mismatches: sum(({ mismatches }) => mismatches),
        ...(firstMismatch && { firstMismatch }),
        cyclesPerFrame: Math.max(...tasks.map((task) => task.cyclesPerFrame)),
        dir,
        engine: { ...{ cPar, kPar, weightBufferBytes, activationBufferBytes }, memory },
        tasks,
        ...(judge && { judges: [judge] }),
      };
      return { system };
    },
  );
  return { freezePoint, ...step.value };
}

/** Simulate every front with an engine behind it; Verilator judges the deepest. */
export async function simulateSystems(
  context: FlowContext,
  fronts: readonly FrozenFront[],
  integer: readonly IntegerNetwork[],
  datasets: readonly LoadedDataset[],
): Promise<readonly SimulatedSystem[]> {
  const systems: SimulatedSystem[] = [];
  for (const front of fronts)
    systems.push(await systemOf(context, front, integer, datasets, front === fronts.at(-1)));
  return systems;
}
