import { describe, expect, it } from "vitest";
import { runEngine } from "../../../test/helpers/engine-run.js";
import { quantType } from "../../../test/helpers/quant-networks.js";
import { randomConfig, randomNetwork } from "../../../test/helpers/random-network.js";
import { randomLayer, randomValues } from "../../../test/helpers/random-quant-layer.js";
import { createRng, FixynnError, type Rng } from "../../core/index.js";
import { nodeName } from "../../graph/index.js";
import { executeQuantNetwork, type QuantNetwork, quantInput, verifyQuantNetwork } from "../../quant/index.js";
import { compileEngine, unpackTensor } from "../compile/index.js";
import { engineConfig } from "../config.js";
import { inputPackings } from "./geometry.js";
import { networkPackings, packForEngine, packNetwork } from "./network.js";

/** Draw a network of one convolution on an image. */
function randomConvolution(rng: Rng): QuantNetwork | undefined {
  const shape = [3 + rng.integer(12), 3 + rng.integer(12), 1 + rng.integer(4)];
  const output = quantType(shape, { zeroPoint: rng.integer(256) });
  const made = randomLayer(rng, "conv2d", output);
  if (made?.node.kind !== "conv2d") return undefined;
  const image = nodeName("image");
  const node = { ...made.node, name: nodeName("first"), input: image };
  const network: QuantNetwork = {
    kind: "quantNetwork",
    name: "random",
    encoding: { scale: 1, offset: 0 },
    nodes: [{ kind: "input", name: image, output }, node],
    output: node.name,
  };
  try {
    verifyQuantNetwork(network);
  } catch {
    return undefined;
  }
  return network;
}

const run = (network: QuantNetwork, image: ArrayLike<number>) =>
  executeQuantNetwork(network, Uint8Array.from(image), 1).get(network.output)!;

describe("a network whose image is packed", () => {
  it("computes the same integers, however it is packed: random kernels, strides, paddings, zero points", () => {
    const rng = createRng(17);
    const seen = new Set<string>();
    let networks = 0;
    while (networks < 150) {
      const network = randomConvolution(rng);
      if (network === undefined) continue;
      networks++;
      const image = randomValues(rng, quantInput(network).output);
      const wanted = [...run(network, image)];
      for (const packing of networkPackings(network)) {
        const packed = packNetwork(network, packing);
        verifyQuantNetwork(packed.network);
        expect([...run(packed.network, packed.pack(image))]).toEqual(wanted);
        const { rows, columns } = packing;
        seen.add(`${Math.min(rows.block, 4)} ${Math.min(rows.kernel, 4)} ${Math.min(columns.block, 4)}`);
      }
    }
    expect(seen.size).toBeGreaterThan(20);
  });

  it("gives the same bytes on the engine, packed as is best for it", () => {
    const rng = createRng(18);
    let packedRuns = 0;
    while (packedRuns < 12) {
      const network = randomNetwork(rng, [6 + rng.integer(12), 6 + rng.integer(12), 1 + rng.integer(3)]);
      if (network === undefined) continue;
      const config = { ...randomConfig(rng, network), input: null };
      const packed = packForEngine(network, config);
      if (packed === undefined) continue;
      const image = randomValues(rng, quantInput(network).output);
      try {
        const program = compileEngine({ network: packed.network, config });
        const memory = runEngine(program, config, packed.pack(image));
        expect([...unpackTensor(memory, program.result)]).toEqual([...run(network, image)]);
        packedRuns++;
      } catch (error) {
        // Too little room, or a residual sum without a linear form.
        if (!(error instanceof FixynnError && ["FX5111", "FX5113"].includes(error.code))) throw error;
      }
    }
  });

  it("has blocks of the stride, pixel by pixel, with the padding in them", () => {
    const axis = { extent: 5, outputs: 3, kernel: 3, stride: 2, before: 1 };
    const packings = inputPackings(axis, { ...axis, kernel: 1, before: 0 });
    expect(packings.map(({ rows: { block, extent, kernel } }) => [block, extent, kernel])).toEqual([
      [1, 5, 3],
      [2, 4, 2],
      [3, 3, 1],
    ]);
    for (const { columns } of packings) expect(columns.block).toBe(1);
  });

  it("is left as it is where the channels fill the array, or pixels come by the stream", () => {
    const rng = createRng(3);
    for (let networks = 0; networks < 20; ) {
      const network = randomConvolution(rng);
      if (network === undefined) continue;
      const [height, width, channels] = quantInput(network).output.shape as [number, number, number];
      const input = { height, width, channels };
      expect(packForEngine(network, engineConfig({ cPar: 16, kPar: 16, input }))).toBeUndefined();
      if (channels !== 4) continue;
      networks++;
      expect(packForEngine(network, engineConfig({ cPar: 4, kPar: 4 }))).toBeUndefined();
    }
  });
});
