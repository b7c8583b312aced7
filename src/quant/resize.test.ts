import { expect, test } from "vitest";
import { randomFront } from "../../test/helpers/random-front.js";
import { createRng } from "../core/index.js";
import {
  executeQuantNetwork,
  isolateQuantLayer,
  quantInput,
  resizeQuantNetwork,
  valuesPerImage,
} from "./index.js";

test("a network at another side has the same layers, and the same bytes where it sees the same pixels", () => {
  const network = randomFront(createRng(3), { layers: 3, mode: "lean", side: 9 });
  const [side] = [24];
  const large = resizeQuantNetwork(network, side);
  expect(quantInput(large).output.shape).toEqual([side, side, quantInput(network).output.shape[2]]);
  for (const [i, node] of large.nodes.entries()) {
    const { output: _o, ...rest } = node;
    const { output: _p, ...original } = network.nodes[i]!;
    expect(rest).toEqual(original);
  }
  const [height = 0] = quantInput(network).output.shape;
  const back = resizeQuantNetwork(large, height);
  const images = new Uint8Array(valuesPerImage(quantInput(back))).fill(7);
  const square = resizeQuantNetwork(network, height);
  expect(executeQuantNetwork(back, images, 1)).toEqual(executeQuantNetwork(square, images, 1));
});

test("a side that a layer does not fit is refused", () => {
  const network = randomFront(createRng(3), { layers: 3, mode: "lean" });
  expect(() => resizeQuantNetwork(network, 0)).toThrow(/FX4002|positive|fit/);
});

test("a layer cut out gives the bytes that it gives in the network", () => {
  const rng = createRng(9);
  const network = randomFront(rng, { layers: 3, mode: "lean" });
  const images = Uint8Array.from({ length: valuesPerImage(quantInput(network)) }, () => rng.integer(256));
  const outputs = network.nodes.slice(1).map(({ name }) => name);
  const values = executeQuantNetwork(network, images, 1, { outputs });
  const [, before, node] = network.nodes;
  const alone = isolateQuantLayer(network, node!.name);
  expect(quantInput(alone)).toEqual({ kind: "input", name: before!.name, output: before!.output });
  const inputs = values.get(before!.name) as Uint8Array;
  expect(executeQuantNetwork(alone, inputs, 1).get(node!.name)).toEqual(values.get(node!.name));
});
