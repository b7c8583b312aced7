import { describe, expect, it } from "vitest";
import { checkFront } from "../../test/helpers/check-front.js";
import { randomFront } from "../../test/helpers/random-front.js";
import { sky130Cells } from "../arith/index.js";
import { createRng, UnsupportedOpError } from "../core/index.js";
import { nodeName } from "../graph/index.js";
import { quantInput } from "../quant/index.js";
import { compileFrontEnd, frontEndDesign } from "./front.js";
import { designFromJson, designToJson } from "./json.js";

describe("compileFrontEnd", () => {
  for (const mode of ["lean", "tflite", "shift"] as const) {
    for (const layers of [1, 3]) {
      it(`computes what the integer network computes: ${mode}, ${layers} layers, any geometry, any pauses`, () => {
        for (let seed = 0; seed < (layers === 1 ? 16 : 6); seed++) {
          const rng = createRng(1000 * layers + seed);
          const network = randomFront(rng, { layers, mode });
          const front = compileFrontEnd(network, network.output, {
            clock: { periodPs: 1500 + rng.integer(6000), cells: sky130Cells },
          });
          const { cyclesPerFrame } = checkFront(network, front, seed);
          if (layers === 1) expect(cyclesPerFrame).toBe(front.cyclesPerFrame);
        }
      });
    }
  }

  it("splits a layer into parts that give the same result", () => {
    for (const seed of [5, 6, 7]) {
      const network = randomFront(createRng(seed), { layers: 2, mode: "lean", channels: 17 });
      const front = compileFrontEnd(network, network.output, { maxFullAddersPerModule: 60 });
      expect(Math.max(...front.layers.map((layer) => layer.modules.length))).toBeGreaterThan(4);
      checkFront(network, front, seed);
    }
  });

  it("stops at the freeze point and gives JSON that reads back equal", () => {
    const network = randomFront(createRng(8), { layers: 3, mode: "lean" });
    const front = compileFrontEnd(network, network.nodes[2]!.name);
    expect(front.layers.map((layer) => layer.node.name)).toEqual(
      network.nodes.slice(1, 3).map((n) => n.name),
    );
    expect(front.input).toEqual(quantInput(network).output);
    const design = frontEndDesign(front);
    expect(designFromJson(designToJson(design))).toEqual(design);
  });

  it("lists every layer that has no hardware, at once", () => {
    const network = randomFront(createRng(9), { layers: 1, mode: "lean" });
    const { output } = network.nodes[1]!;
    const reshape = { kind: "reshape" as const, name: nodeName("mixed") };
    const big = { ...output, shape: [2, output.shape[1]!, output.shape.at(-1)!] };
    const image = { ...output, shape: [1, output.shape[1]!, 2 * output.shape.at(-1)!] };
    const sum = {
      kind: "add" as const,
      operandMultipliers: [1, 1] as const,
      requantization: { mode: "lean" as const, multipliers: Int32Array.of(1), shifts: Int32Array.of(1) },
      clamp: { low: 0, high: 255 },
    };
    const nodes = [
      { ...network.nodes[0]!, output: big },
      { ...reshape, input: network.nodes[0]!.name, output: image },
      { ...sum, name: nodeName("sum"), inputs: [reshape.name, reshape.name] as const, output: image },
      { ...reshape, name: nodeName("again"), input: nodeName("sum"), output: big },
    ];
    const broken = { ...network, nodes, output: nodeName("again") };
    expect(() => compileFrontEnd(broken, nodeName("again"))).toThrow(UnsupportedOpError);
    expect(() => compileFrontEnd(broken, nodeName("again"))).toThrow(/"mixed".*"again"/);
    expect(() => compileFrontEnd(broken, network.nodes[0]!.name)).toThrow(/no layer to freeze/);
  });
});
