import { describe, expect, it } from "vitest";
import { randomFront } from "../../test/helpers/random-front.js";
import { sky130Cells } from "../arith/index.js";
import { createRng, UnsupportedOpError } from "../core/index.js";
import { nodeName } from "../graph/index.js";
import { executeQuantNetwork, type QuantNetwork, quantInput } from "../quant/index.js";
import { createSimulator, flatten, lowerDesign, simulateStream } from "../sim/index.js";
import { compileFrontEnd, type FrontEnd, frontEndDesign, streamOf } from "./front.js";
import { designFromJson, designToJson } from "./json.js";

/** Run a front in the netlist simulator, several images a lane, with and without pauses; compare with the integer network. */
function check(network: QuantNetwork, front: FrontEnd, seed: number): { readonly cyclesPerFrame: number } {
  const rng = createRng(seed);
  const [input, output] = [streamOf(front.input), streamOf(front.output)];
  const lanes = 3;
  const frames = 3;
  const size = input.beats * input.channels;
  const images = Uint8Array.from({ length: lanes * frames * size }, () =>
    rng.integer(8) === 0 ? rng.integer(2) * 255 : rng.integer(256),
  );
  const wanted = executeQuantNetwork(network, images, lanes * frames, { outputs: [front.freezePoint] }).get(
    front.freezePoint,
  )!;
  const module = flatten(lowerDesign(frontEndDesign(front)));
  const run = (backpressure: boolean) =>
    simulateStream(createSimulator(module, { lanes }), {
      inputs: Array.from({ length: lanes }, (_, l) =>
        images.subarray(l * frames * size, (l + 1) * frames * size),
      ),
      valuesPerBeat: { input: input.channels, output: output.channels },
      bits: { input: input.bits, output: output.bits },
      signed: front.output.signed,
      frames,
      outputBeatsPerFrame: output.beats,
      ...(backpressure ? { backpressure: { rng: rng.fork("pauses"), idle: 0.4, stall: 0.4 } } : {}),
    });
  const perLane = frames * output.beats * output.channels;
  const [fast, slow] = [run(false), run(true)];
  for (const result of [fast, slow]) {
    for (const [l, values] of result.outputs.entries()) {
      expect(Array.from(values)).toEqual(Array.from(wanted.subarray(l * perLane, (l + 1) * perLane)));
    }
  }
  return { cyclesPerFrame: fast.cyclesPerFrame };
}

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
          const { cyclesPerFrame } = check(network, front, seed);
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
      check(network, front, seed);
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
    const { name, output } = network.nodes[1]!;
    const pool = { kind: "averagePool2d", name: nodeName("mean"), input: name, output } as const;
    const one = { height: 1, width: 1 };
    const padding = { top: 0, bottom: 0, left: 0, right: 0 };
    const nodes = [
      ...network.nodes,
      { ...pool, window: one, stride: one, padding },
      { kind: "reshape" as const, name: nodeName("flat"), input: pool.name, output },
    ];
    const broken = { ...network, nodes, output: nodeName("flat") };
    expect(() => compileFrontEnd(broken, nodeName("flat"))).toThrow(UnsupportedOpError);
    expect(() => compileFrontEnd(broken, nodeName("flat"))).toThrow(/"mean".*"flat"|"flat".*"mean"/);
  });
});
