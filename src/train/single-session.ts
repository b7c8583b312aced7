import * as ort from "onnxruntime-node";
import { encodeOnnx, type Graph, onnxSessionOptions } from "../graph/index.js";
import { elementCount } from "../tensor/index.js";
import { PROGRAM } from "./program/names.js";
import { type TrainingPlan, totalLength } from "./program/plan.js";
import { buildTrainingProgram } from "./program/program.js";
import { drawMask, type SessionOptions, type TrainingSession } from "./session-types.js";
import { createStateBuffers } from "./state.js";

/** Open a session whose steps run on the calling thread: forward, backward and update in one program. */
export async function createSingleSession(
  graph: Graph,
  plan: TrainingPlan,
  options: SessionOptions & { readonly lanes: number },
): Promise<TrainingSession> {
  const program = buildTrainingProgram(graph, plan, options);
  const session = await ort.InferenceSession.create(
    encodeOnnx(program.model),
    onnxSessionOptions(options.threads ?? 1),
  );
  const { batch } = program;
  const classes = plan.logits.shape.at(-1)!;
  const buffers = createStateBuffers(graph, plan);
  const loss = new Float32Array(1);
  const logits = new Float32Array(batch * classes);
  const gradient = options.exposeGradient ? new Float32Array(totalLength(plan.parameters)) : undefined;
  const rate = new Float32Array(1);
  const masks = program.dropouts.map((dropout) => ({
    ...dropout,
    data: new Float32Array(elementCount(dropout.shape)),
  }));
  const shared = {
    [PROGRAM.loss]: new ort.Tensor("float32", loss, []),
    [PROGRAM.logits]: new ort.Tensor("float32", logits, [batch, classes]),
    ...(gradient && { [PROGRAM.gradient]: new ort.Tensor("float32", gradient, [gradient.length]) }),
  };

  return {
    batch,
    async step(input) {
      rate[0] = input.learningRate;
      const feeds: Record<string, ort.Tensor> = {
        ...buffers.feeds(),
        [PROGRAM.learningRate]: new ort.Tensor("float32", rate, []),
        [PROGRAM.targets]: new ort.Tensor("float32", input.targets, [batch, classes]),
      };
      for (const node of plan.boundary) {
        const data = input.boundary.get(node.name)!;
        const shape = [batch, ...node.shape];
        feeds[PROGRAM.boundary(node.name)] =
          data instanceof Uint8Array
            ? new ort.Tensor("uint8", data, shape)
            : new ort.Tensor("float32", data, shape);
      }
      for (const { name, shape, rate: drop, data } of masks) {
        drawMask(data, drop, input.rng.fork(`dropout ${name}`));
        feeds[PROGRAM.dropout(name)] = new ort.Tensor("float32", data, shape);
      }
      await session.run(feeds, { ...shared, ...buffers.fetches() });
      buffers.swap();
      return { loss: loss[0]!, logits };
    },
    state: () => buffers.copy(),
    restore: (state) => buffers.restore(state),
    graph: () => buffers.graph(),
    gradient: () => gradient,
    close: () => session.release(),
  };
}
