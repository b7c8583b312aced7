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

const CASES = [
  { side: 96, batch: 32 },
  { side: 48, batch: 64 },
] as const;
const ROUNDS = 7;

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** A training step of ours on constant images. */
async function createOurs(
  side: number,
  batch: number,
): Promise<{ step(): Promise<number>; close(): Promise<void> }> {
  const graph = mobilenetV1({ alpha: 0.25, side, classes: 100, rng: createRng(1) });
  const plan = planTraining(graph, new Set(graph.nodes.map((node) => node.name)));
  const session: TrainingSession = await createTrainingSession(graph, plan, {
    batch,
    optimizer: BACKBONE_OPTIONS,
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
    async step() {
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
  side: number,
  batch: number,
): Promise<{ name: string; step(): Promise<number>; close(): void }> {
  const script = join(packageRoot, "bench", "train_torch.py");
  const child: ChildProcessWithoutNullStreams = spawn(python, [script, String(side), String(batch)], {
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const readLine = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${script} ended early`);
    return value;
  };
  const ready = await readLine();
  return {
    name: `PyTorch ${ready.split(" ")[1] ?? ""}`.trim(),
    async step() {
      child.stdin.write("step\n");
      return Number(await readLine());
    },
    close: () => child.stdin.end(),
  };
}

/**
 * Measure training: images a second of the whole step (forward, backward, update) of MobileNetV1-0.25 on one thread,
 * ours and PyTorch's in turns in the same run, medians of the rounds. Without a PyTorch the peer is left out.
 */
export async function run(): Promise<BenchTable> {
  const python = findTorchPython();
  const rows: BenchRow[] = [];
  for (const { side, batch } of CASES) {
    const ours = await createOurs(side, batch);
    const torch = python === undefined ? undefined : await createTorch(python, side, batch);
    const ourTimes: number[] = [];
    const torchTimes: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      ourTimes.push(await ours.step());
      if (torch !== undefined) torchTimes.push(await torch.step());
    }
    await ours.close();
    torch?.close();
    const row = {
      name: `MobileNetV1-0.25, ${side}x${side}, batch ${batch}, 1 thread`,
      metric: "training throughput",
      value: batch / median(ourTimes),
      unit: "images/s",
    };
    if (torch === undefined) rows.push(row);
    else {
      const peer = { name: torch.name, value: batch / median(torchTimes) };
      rows.push({ ...row, peer, ratio: row.value / peer.value });
    }
  }
  return { bench: "train", machine: cpus()[0]?.model ?? "unknown", rows };
}
