import { expect } from "vitest";
import { parseTflite } from "../../src/importers/tflite/model.js";
import { executeQuantNetwork, type QuantNetwork } from "../../src/quant/index.js";
import { tfliteJudge } from "./tflite-judge.js";

/** Operators that become no layer. */
const NO_LAYER = new Set(["SOFTMAX", "PAD"]);

/** Compare a network's layers with TensorFlow Lite, byte for byte; returns how many values were compared. */
export async function compareLayers(
  file: Uint8Array,
  network: QuantNetwork,
  images: Uint8Array,
  { count, last = false }: { readonly count: number /** The last layer only. */; readonly last?: boolean },
): Promise<number> {
  const model = parseTflite(file, network.name);
  const judge = await tfliteJudge(file);
  const input = model.tensors[model.inputs[0]!]!;
  const given = input.type === "int8" ? images.map((byte) => byte - 128) : images;
  const layers = network.nodes.slice(1);
  const computed = model.operators.filter(({ op }) => !NO_LAYER.has(op));
  expect(layers).toHaveLength(computed.length);
  const first = last ? layers.length - 1 : 0;
  const names = layers.slice(first).map(({ name }) => name);
  const ours = executeQuantNetwork(network, images, count, { outputs: names });
  let compared = 0;
  for (const [i, name] of names.entries()) {
    const theirs = judge(computed[first + i]!.outputs[0]!, given, count);
    const values = ours.get(name)!;
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    expect(Buffer.compare(bytes, theirs), name).toBe(0);
    compared += values.length;
  }
  return compared;
}
