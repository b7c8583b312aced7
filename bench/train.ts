import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from "node:child_process";
import { cpus } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRng, packageRoot } from "../src/core/index.js";
import {
  BACKBONE_OPTIONS,
  createTrainingSession,
  mobilenetV1,
  planTraining,
  type TrainingSession,
} from "../src/train/index.js";
import type { BenchRow, BenchTable } from "./table.js";
import { tailRows } from "./tails.js";

const CASES = [
  { side: 96, batch: 32 },
  { side: 48, batch: 64 },
] as const;
const CORES = [1, 2] as const;
const MEMORY_FORMATS = ["channels_last", "contiguous_format"] as const;
const ROUNDS = 7;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Something that trains for about a second and gives the median seconds of a step. */
type Contestant = { round(): Promise<number>; close(): Promise<void> | void };

/** A training step of ours on constant images. */
async function createOurs(side: number, batch: number, replicas: number): Promise<Contestant> {
  const graph = mobilenetV1({ alpha: 0.25, side, classes: 100, rng: createRng(1) });
  const plan = planTraining(graph, new Set(graph.nodes.map((node) => node.name)));
  const session: TrainingSession = await createTrainingSession(graph, plan, {
    batch,
    optimizer: BACKBONE_OPTIONS,
    replicas,
  });
  const rng = createRng(2);
  const bytes = Uint8Array.from({ length: batch * side * side * 3 }, () => rng.integer(256));
  const targets = new Float32Array(batch * 100);
  for (let i = 0; i < batch; i++) targets[i * 100 + (i % 100)] = 1;
  const boundary = new Map([[graph.nodes[0]!.name, bytes]]);
  const one = async (): Promise<number> => {
    const start = performance.now();
    await session.step({ boundary, targets, learningRate: 0.02, rng });
    return (performance.now() - start) / 1000;
  };
  for (let i = 0; i < 3; i++) await one();
  return {
    async round() {
      const times: number[] = [];
      const end = performance.now() + 1000;
      while (performance.now() < end || times.length < 3) times.push(await one());
      return median(times);
    },
    close: () => session.close(),
  };
}

/** Find a Python that has PyTorch: the one on the PATH, or the system's own. */
function findTorchPython(): string | undefined {
  return ["python3", "/usr/bin/python3"].find(
    (python) => spawnSync(python, ["-c", "import torch"], { stdio: "ignore" }).status === 0,
  );
}

/** PyTorch as a child process that runs a round on request. */
async function createTorch(
  python: string,
  options: {
    readonly side: number;
    readonly batch: number;
    readonly threads: number;
    readonly format: (typeof MEMORY_FORMATS)[number];
  },
): Promise<Contestant & { readonly name: string }> {
  const { side, batch, threads, format } = options;
  const script = join(packageRoot, "bench", "train_torch.py");
  const child: ChildProcessWithoutNullStreams = spawn(
    python,
    [script, String(side), String(batch), String(threads), format],
    { env: { ...process.env, OMP_NUM_THREADS: String(threads), OPENBLAS_NUM_THREADS: String(threads) } },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const readLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended early`);
    return value;
  };
  const ready = await readLine();
  const version = ready.split(" ")[1] ?? "";
  return {
    name: `PyTorch ${version}, ${threads === 1 ? "1 thread" : `${threads} threads`}, ${format}`,
    async round() {
      child.stdin.write("step\n");
      return Number(await readLine());
    },
    close: () => {
      child.stdin.end();
    },
  };
}

/** Measure one case on each number of cores: ours, and the best of PyTorch's forms with at most as many threads. */
async function fullStepRows(side: number, batch: number, python: string | undefined): Promise<BenchRow[]> {
  const ours = await Promise.all(CORES.map((cores) => createOurs(side, batch, cores)));
  const torch: (Contestant & { name: string; threads: number; times: number[] })[] = [];
  for (const threads of python === undefined ? [] : CORES) {
    for (const format of MEMORY_FORMATS) {
      const form = await createTorch(python!, { side, batch, threads, format });
      torch.push({ ...form, threads, times: [] });
    }
  }
  const times = CORES.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, contestant] of ours.entries()) times[i]!.push(await contestant.round());
    for (const form of torch) form.times.push(await form.round());
  }
  for (const contestant of [...ours, ...torch]) await contestant.close();
  return CORES.map((cores, i) => {
    const row = {
      name: `MobileNetV1-0.25, ${side}x${side}, batch ${batch}, ${cores === 1 ? "1 core" : `${cores} cores`}`,
      metric: "training throughput",
      value: batch / median(times[i]!),
      unit: "images/s",
    };
    const [best] = torch
      .filter((form) => form.threads <= cores)
      .map(({ name, times: own }) => ({ name, value: batch / median(own) }))
      .toSorted((a, b) => b.value - a.value);
    return best === undefined ? row : { ...row, peer: best, ratio: row.value / best.value };
  });
}

/**
 * Measure training: images a second of the whole step (forward, backward, update) of MobileNetV1-0.25 on one core and on
 * two, ours and PyTorch's in turns in the same run, medians of the rounds. PyTorch runs with as many threads as cores
 * and with fewer, channels last and not; the fastest is the peer. Without a PyTorch the peer is left out. Then tails from
 * cached features, against the whole network.
 */
export async function run(): Promise<BenchTable> {
  const python = findTorchPython();
  const rows: BenchRow[] = [];
  for (const { side, batch } of CASES) rows.push(...(await fullStepRows(side, batch, python)));
  rows.push(...(await tailRows()));
  return { bench: "train", machine: cpus()[0]?.model ?? "unknown", rows };
}
