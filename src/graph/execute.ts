import * as ort from "onnxruntime-node";
import { FixynnError } from "../core/index.js";
import { elementCount } from "../tensor/index.js";
import type { Graph, NodeName } from "./nodes.js";
import { encodeOnnx } from "./onnx/encode.js";
import { exportOnnx, ONNX_INPUT } from "./onnx/export.js";

/** How to execute a float graph. */
export type FloatExecutorOptions = {
  /** Layers whose values are wanted; default the graph's output. */
  readonly outputs?: readonly NodeName[];
  /** Threads inside one operator; default 1. */
  readonly threads?: number;
  /** Images handed to ONNX Runtime at once; more are cut up. Default 16: activations stay near the caches. */
  readonly batch?: number;
};

/** Runs a float graph on images, through ONNX Runtime. */
export type FloatExecutor = {
  /**
   * Compute the wanted layers for `count` images, channels last.
   *
   * @param images bytes (`Uint8Array`: the graph's encoding is applied) or real network inputs (`Float32Array`);
   *   count · height · width · channels of them
   * @returns for each wanted layer count · (elements of its shape) values, image by image
   * @throws FixynnError FX1014 when the number of values is wrong
   */
  run(images: Uint8Array | Float32Array, count: number): Promise<Map<NodeName, Float32Array>>;
  /** Free the memory of ONNX Runtime. The executor cannot run afterwards. */
  close(): Promise<void>;
};

/** Session options that keep ONNX Runtime to the threads asked for, and those asleep when idle. */
export function onnxSessionOptions(threads: number): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
    extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
  };
}

/** Prepare a float graph for execution. Sessions are created on first use, one for bytes and one for floats. */
export function createFloatExecutor(graph: Graph, options: FloatExecutorOptions = {}): FloatExecutor {
  const outputs = [...new Set(options.outputs ?? [graph.output])];
  const batch = Math.max(1, options.batch ?? 16);
  const inputShape = graph.nodes[0]!.shape;
  const perImage = elementCount(inputShape);
  const sizes = new Map(
    outputs.map((name): [NodeName, number] => {
      const node = graph.nodes.find((candidate) => candidate.name === name);
      return [name, node === undefined ? 0 : elementCount(node.shape)];
    }),
  );
  const sessions = new Map<"uint8" | "float32", Promise<ort.InferenceSession>>();
  let closed = false;

  const sessionFor = (dtype: "uint8" | "float32"): Promise<ort.InferenceSession> => {
    let session = sessions.get(dtype);
    if (session === undefined) {
      const model = encodeOnnx(exportOnnx(graph, { batch: "N", outputs, inputDType: dtype }));
      session = ort.InferenceSession.create(model, onnxSessionOptions(options.threads ?? 1));
      sessions.set(dtype, session);
    }
    return session;
  };

  return {
    async run(images, count) {
      if (closed) throw new Error("internal error: this executor is closed");
      if (!Number.isInteger(count) || count < 0 || images.length !== count * perImage) {
        throw new FixynnError("FX1014", `${images.length} values are not ${count} images`, {
          place: `graph ${graph.name}`,
          hint: `each image has ${inputShape.join(" x ")} values`,
        });
      }
      const dtype = images instanceof Uint8Array ? "uint8" : "float32";
      const session = await sessionFor(dtype);
      const results = new Map<NodeName, Float32Array>();
      for (const [name, size] of sizes) results.set(name, new Float32Array(count * size));
      for (let first = 0; first < count; first += batch) {
        const n = Math.min(batch, count - first);
        const view = images.subarray(first * perImage, (first + n) * perImage);
        // ONNX Runtime refuses shared memory, where splits keep their pixels.
        const part = view.buffer instanceof SharedArrayBuffer ? view.slice() : view;
        const feeds = { [ONNX_INPUT]: new ort.Tensor(dtype, part, [n, ...inputShape]) };
        const values = await session.run(feeds);
        for (const [name, size] of sizes) {
          const value = values[name]!;
          results.get(name)!.set(value.data as Float32Array, first * size);
          value.dispose();
        }
      }
      return results;
    },
    async close() {
      closed = true;
      const open = await Promise.allSettled(sessions.values());
      sessions.clear();
      for (const session of open) if (session.status === "fulfilled") await session.value.release();
    },
  };
}
