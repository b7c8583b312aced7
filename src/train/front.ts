import { createFloatExecutor, type FloatExecutor, type Graph, type NodeName } from "../graph/index.js";
import type { TrainingPlan } from "./program/plan.js";

/** Runs the frozen front of a network in inference form (batch norm folded by ONNX Runtime, constant weights). */
export type FrozenFront = {
  /** Values of the boundary for some images; the bytes themselves where the boundary is the image. */
  run(bytes: Uint8Array, count: number): Promise<Map<NodeName, Uint8Array | Float32Array>>;
  close(): Promise<void>;
};

/** Prepare the front that a plan leaves out of the training program. */
export function createFrozenFront(graph: Graph, plan: TrainingPlan, batch: number): FrozenFront {
  const outputs = plan.boundary.filter((node) => node.kind !== "input").map((node) => node.name);
  const image = plan.boundary.find((node) => node.kind === "input");
  let executor: FloatExecutor | undefined;
  if (outputs.length > 0) executor = createFloatExecutor(graph, { outputs, batch });
  return {
    async run(bytes, count) {
      const values = new Map<NodeName, Uint8Array | Float32Array>();
      if (executor !== undefined)
        for (const [name, value] of await executor.run(bytes, count)) values.set(name, value);
      if (image !== undefined) values.set(image.name, bytes);
      return values;
    },
    close: async () => executor?.close(),
  };
}
