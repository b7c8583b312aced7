import { Worker } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import { assertNever, FixynnError, workerUrl } from "../core/index.js";
import { encodeOnnx, type Graph, onnxSessionOptions } from "../graph/index.js";
import { elementCount } from "../tensor/index.js";
import { PROGRAM } from "./program/names.js";
import { type TrainingPlan, totalLength } from "./program/plan.js";
import { buildTrainingProgram } from "./program/program.js";
import { buildUpdateProgram } from "./program/update.js";
import type { ReplicaCommand, ReplicaMessage, ReplicaProgram, SharedTensor } from "./replica-protocol.js";
import { drawMask, type SessionOptions, type TrainingSession } from "./session-types.js";
import { createStateBuffers } from "./state.js";

/** A worker thread that runs a program whenever it is told to. */
type Replica = {
  /** Run once; resolves when the outputs are written. */
  run(): Promise<void>;
  close(): Promise<void>;
};

function startReplica(program: ReplicaProgram): Promise<Replica> {
  const worker = new Worker(workerUrl(import.meta.url, "./replica.worker.js"), { workerData: program });
  const tell = (command: ReplicaCommand): void => worker.postMessage(command);
  let settle: { resolve(): void; reject(error: Error): void } | undefined;
  let failure: FixynnError | undefined;
  const answer = (): Promise<void> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) reject(failure);
      else settle = { resolve, reject };
    });
  const fail = (message: string, cause?: unknown): void => {
    failure = new FixynnError("FX3009", message, { cause });
    settle?.reject(failure);
  };
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  worker.on("message", (message: ReplicaMessage) => {
    switch (message.kind) {
      case "ready":
      case "done":
        settle?.resolve();
        return;
      case "failed":
        fail(`a replica of the training failed: ${message.message}`);
        return;
      default:
        assertNever(message);
    }
  });
  worker.on("error", (cause) => fail(`a replica of the training failed: ${cause}`, cause));
  worker.on("exit", (code) => fail(`a replica of the training ended with code ${code}`));
  const replica: Replica = {
    run() {
      const done = answer();
      tell("run");
      return done;
    },
    async close() {
      tell("close");
      await ended;
    },
  };
  return answer().then(() => replica);
}

/** Start a replica for each program; when one fails, the others are closed again. */
async function startAll(programs: readonly ReplicaProgram[]): Promise<Replica[]> {
  const started = await Promise.allSettled(programs.map(startReplica));
  const replicas = started.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = started.find((result) => result.status === "rejected");
  if (failed === undefined) return replicas;
  await Promise.all(replicas.map((replica) => replica.close()));
  throw failed.reason;
}

const sharedFloats = (length: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * length));

/**
 * Open a session that trains on several threads: each replica works out the gradient of its part of the batch in a
 * worker, the calling thread averages the gradients and updates the state. Batch norm's moving averages take the mean of
 * the replicas' statistics.
 *
 * @throws FixynnError FX3010 when the replicas do not divide the batch; FX3009 when a worker dies
 */
export async function createReplicatedSession(
  graph: Graph,
  plan: TrainingPlan,
  options: SessionOptions & { readonly replicas: number; readonly lanes: number },
): Promise<TrainingSession> {
  const { batch, optimizer, replicas: count } = options;
  if (batch % count !== 0) {
    const hint = "choose a number of replicas that divides the batch";
    throw new FixynnError("FX3010", `${count} replicas of a batch of ${batch}`, { hint });
  }
  const part = batch / count;
  const program = buildTrainingProgram(graph, plan, { ...options, batch: part, optimizer: undefined });
  const model = encodeOnnx(program.model);
  const classes = plan.logits.shape.at(-1)!;
  const length = totalLength(plan.parameters);
  const statisticCount = totalLength(plan.statistics);
  const parameters = sharedFloats(length);
  const parts = Array.from({ length: count }, () => ({
    targets: sharedFloats(part * classes),
    boundary: plan.boundary.map((node) => {
      const elements = part * elementCount(node.shape);
      const isBytes = node.kind === "input";
      return isBytes ? new Uint8Array(new SharedArrayBuffer(elements)) : sharedFloats(elements);
    }),
    masks: program.dropouts.map(({ shape }) => sharedFloats(elementCount(shape))),
    loss: sharedFloats(1),
    logits: sharedFloats(part * classes),
    gradient: sharedFloats(length),
    statistics: sharedFloats(statisticCount),
  }));
  const programs = parts.map((p): ReplicaProgram => {
    const vector = (name: string, data: Float32Array): SharedTensor => ({ name, shape: [data.length], data });
    return {
      model,
      inputs: [
        vector(PROGRAM.parameters, parameters),
        { name: PROGRAM.targets, shape: [part, classes], data: p.targets },
        ...plan.boundary.map((node, i) => ({
          name: PROGRAM.boundary(node.name),
          shape: [part, ...node.shape],
          data: p.boundary[i]!,
        })),
        ...program.dropouts.map(({ name, shape }, i) => ({
          name: PROGRAM.dropout(name),
          shape,
          data: p.masks[i]!,
        })),
      ],
      outputs: [
        { name: PROGRAM.loss, shape: [], data: p.loss },
        { name: PROGRAM.logits, shape: [part, classes], data: p.logits },
        vector(PROGRAM.gradient, p.gradient),
        ...(statisticCount > 0 ? [vector(PROGRAM.batchStatistics, p.statistics)] : []),
      ],
    };
  });
  const update = await ort.InferenceSession.create(
    encodeOnnx(buildUpdateProgram(plan, { optimizer, replicas: count })),
    onnxSessionOptions(1),
  );
  const replicas = await startAll(programs);
  const buffers = createStateBuffers(graph, plan);
  const gradients = new Float32Array(count * length);
  const statistics = new Float32Array(count * statisticCount);
  const gradient = new Float32Array(length);
  const logits = new Float32Array(batch * classes);
  const rate = new Float32Array(1);
  const shared = {
    [PROGRAM.learningRate]: new ort.Tensor("float32", rate, []),
    [PROGRAM.gradients]: new ort.Tensor("float32", gradients, [count, length]),
    ...(statisticCount > 0 && {
      [PROGRAM.batchStatistics]: new ort.Tensor("float32", statistics, [count, statisticCount]),
    }),
  };

  return {
    batch,
    async step(input) {
      parameters.set(buffers.current().parameters);
      parts.forEach((p, r) => {
        const cut = <T extends Uint8Array | Float32Array>(data: T): T =>
          data.subarray((r * data.length) / count, ((r + 1) * data.length) / count) as T;
        p.targets.set(cut(input.targets));
        plan.boundary.forEach((node, i) => {
          p.boundary[i]!.set(cut(input.boundary.get(node.name)!));
        });
        program.dropouts.forEach(({ name, rate: drop }, i) => {
          drawMask(p.masks[i]!, drop, input.rng.fork(`dropout ${name}`).fork(`replica ${r}`));
        });
      });
      await Promise.all(replicas.map((replica) => replica.run()));
      let loss = 0;
      parts.forEach((p, r) => {
        loss += p.loss[0]! / count;
        logits.set(p.logits, r * p.logits.length);
        gradients.set(p.gradient, r * length);
        statistics.set(p.statistics, r * statisticCount);
      });
      rate[0] = input.learningRate;
      await update.run(
        { ...buffers.feeds(), ...shared },
        {
          ...buffers.fetches(),
          [PROGRAM.gradient]: new ort.Tensor("float32", gradient, [length]),
        },
      );
      buffers.swap();
      return { loss, logits };
    },
    state: () => buffers.copy(),
    restore: (state) => buffers.restore(state),
    graph: () => buffers.graph(),
    gradient: () => (options.exposeGradient ? gradient : undefined),
    close: async () => {
      await Promise.all([update.release(), ...replicas.map((replica) => replica.close())]);
    },
  };
}
