import { parentPort, workerData } from "node:worker_threads";
import * as ort from "onnxruntime-node";
import { invariant } from "../core/index.js";
import { onnxSessionOptions } from "../graph/index.js";
import type { ReplicaCommand, ReplicaMessage, ReplicaProgram, SharedTensor } from "./replica-protocol.js";

invariant(parentPort !== null, "this script runs in a worker");
const port = parentPort;
const send = (message: ReplicaMessage): void => port.postMessage(message);
const { model, inputs, outputs } = workerData as ReplicaProgram;

/** ONNX Runtime takes no shared memory: every tensor has a copy of its own here. */
function mirror({ name, shape, data }: SharedTensor) {
  const own = data instanceof Uint8Array ? new Uint8Array(data.length) : new Float32Array(data.length);
  const tensor =
    own instanceof Uint8Array ? new ort.Tensor("uint8", own, shape) : new ort.Tensor("float32", own, shape);
  return { name, data, own, tensor };
}
const read = inputs.map(mirror);
const written = outputs.map(mirror);
const record = (mirrors: typeof read) =>
  Object.fromEntries(mirrors.map(({ name, tensor }) => [name, tensor]));

try {
  const session = await ort.InferenceSession.create(model, onnxSessionOptions(1));
  const run = async (): Promise<void> => {
    for (const { own, data } of read) own.set(data);
    await session.run(record(read), record(written));
    for (const { own, data } of written) data.set(own);
    send({ kind: "done" });
  };
  port.on("message", (command: ReplicaCommand) => {
    if (command === "close") {
      void session.release();
      port.close();
    } else {
      run().catch((error: unknown) => send({ kind: "failed", message: String(error) }));
    }
  });
  send({ kind: "ready" });
} catch (error) {
  send({ kind: "failed", message: String(error) });
}
