import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { requireShared } from "../../../test/helpers/environment.js";
import { quantType } from "../../../test/helpers/quant-networks.js";
import {
  type ComputedNode,
  LAYER_KINDS,
  pick,
  randomClamp,
  randomLayer,
  randomType,
  randomValues,
} from "../../../test/helpers/random-quant-layer.js";
import { createRng, packageRoot, type Rng } from "../../core/index.js";
import { decodeImage } from "../../data/index.js";
import { graphFromJson, nodeName } from "../../graph/index.js";
import { importTfliteFile } from "../../importers/index.js";
import { elementCount, tensor } from "../../tensor/index.js";
import { inputsOfQuantNode, type QuantNetwork, type QuantNode, type Requantization } from "../nodes.js";
import { quantize } from "../quantize/quantize.js";
import { executeFrom, executeLayer, executeQuantNetwork } from "./execute.js";
import { planExecution } from "./plan.js";

const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** Names of the layers that run in fast form when all layers are wanted. */
function fastLayers(network: QuantNetwork): ReadonlySet<string> {
  const [input, ...nodes] = network.nodes;
  const computed = nodes as ComputedNode[];
  return planExecution({
    sources: [input!],
    nodes: computed,
    wanted: computed.map(({ name }) => name),
    form: "fast",
  }).fastLayers;
}

/** Both forms of all layers. */
function expectEqualForms(network: QuantNetwork, images: Uint8Array, count: number): void {
  const outputs = network.nodes.map(({ name }) => name);
  const plain = executeQuantNetwork(network, images, count, { outputs, form: "plain" });
  const fast = executeQuantNetwork(network, images, count, { outputs });
  for (const name of outputs) {
    const [a, b] = [plain.get(name)!, fast.get(name)!];
    expect(Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)), name).toBe(0);
    expect(b.constructor).toBe(a.constructor);
  }
}

/** A dense layer of weights 0, so that its accumulators are its bias values. */
function sums(rng: Rng, accumulators: Int32Array, requantization: Requantization): ComputedNode {
  const channels = accumulators.length;
  const output = randomType(rng, [channels], 8);
  return {
    kind: "dense",
    name: nodeName("layer"),
    input: nodeName("image"),
    output,
    weights: tensor("int16", [1, channels], new Int16Array(channels)),
    weightScales: Float64Array.of(1),
    bias: tensor("int32", [channels], accumulators),
    requantization,
    clamp: randomClamp(rng, output),
  };
}

/** Accumulators at and around (k + 1/2) / factor, at 0, and at the ends of int32. */
function criticalSums(rng: Rng, factor: number, limit: number): number {
  const bounded = (value: number) => Math.max(-limit, Math.min(limit - 1, Math.round(value))) | 0;
  const halves = (rng.integer(1200) - 600 + 0.5) / factor;
  return pick(
    rng,
    ...[bounded(halves + rng.integer(7) - 3), bounded(halves + rng.integer(7) - 3), bounded(halves)],
    ...[rng.integer(9) - 4, bounded(limit), bounded(-limit), bounded((rng.next() - 0.5) * 2 * limit)],
  );
}

describe("requantization of the fast form", () => {
  const input = quantType([1]);
  const both = (node: ComputedNode): void => {
    const image = Uint8Array.of(9);
    const plan = planExecution({
      sources: [{ name: nodeName("image"), output: input }],
      nodes: [node],
      wanted: [node.name],
      form: "fast",
    });
    expect(plan.fastLayers).toEqual(new Set([node.name]));
    expect(plan.run([image], 1).get(node.name)).toEqual(
      executeLayer(node, [input], [image], 1, { form: "plain" }),
    );
  };

  it.each(["tflite", "up", "positive shift", "lean", "shift"] as const)(
    "equals the definition at ties, thresholds and the ends of int32: %s",
    (mode) => {
      fc.assert(
        fc.property(seeds, (seed) => {
          const rng = createRng(seed);
          const channels = 1 + rng.integer(40);
          const [multipliers, shifts] = [new Int32Array(channels), new Int32Array(channels)];
          const accumulators = new Int32Array(channels);
          for (let c = 0; c < channels; c++) {
            if (mode === "lean") {
              multipliers[c] = rng.integer(pick(rng, 4, 256, 4096));
              shifts[c] = 12 + rng.integer(18);
            } else if (mode === "shift") {
              multipliers[c] = 1;
              shifts[c] = 1 + rng.integer(24);
            } else {
              multipliers[c] = pick(rng, 2 ** 30, 3 * 2 ** 29, 2 ** 31 - 1, 2 ** 30 + rng.integer(2 ** 30));
              shifts[c] = mode === "positive shift" ? rng.integer(9) : -1 - rng.integer(14);
            }
            const factor =
              mode === "lean" || mode === "shift"
                ? multipliers[c]! * 2 ** -shifts[c]!
                : multipliers[c]! * 2 ** (shifts[c]! - 31);
            // A positive shift must not leave int32.
            const limit = mode === "positive shift" ? 2 ** (30 - Math.max(...shifts)) : 2 ** 31;
            accumulators[c] = criticalSums(rng, Math.max(factor, 2 ** -24), limit);
          }
          const requantization: Requantization =
            mode === "lean" || mode === "shift"
              ? { mode, multipliers, shifts }
              : { mode: "tflite", multipliers, shifts, ...(mode === "up" && { ties: "up" as const }) };
          both(sums(rng, accumulators, requantization));
        }),
        { numRuns: 300 },
      );
    },
  );

  it("rounds every tie of small sums as the definition does", () => {
    const accumulators = Int32Array.from({ length: 4097 }, (_, i) => i - 2048);
    for (const shift of [0, -1, -2, -3, -4, -7]) {
      for (const multiplier of [2 ** 30, 3 * 2 ** 29, 2 ** 31 - 1]) {
        for (const ties of [undefined, "up"] as const) {
          const requantization: Requantization = {
            mode: "tflite",
            multipliers: Int32Array.of(multiplier),
            shifts: Int32Array.of(shift),
            ...(ties && { ties }),
          };
          const output = quantType([4097], { signed: true });
          const node = sums(createRng(1), accumulators, requantization);
          both({ ...node, output, clamp: { low: -128, high: 127 } } as ComputedNode);
        }
      }
    }
  });

  it("leaves to the plain form what could leave int32", () => {
    const requantization: Requantization = {
      mode: "lean",
      multipliers: Int32Array.of(8),
      shifts: Int32Array.of(1),
    };
    const node = sums(createRng(3), Int32Array.of(2 ** 30, -5), requantization);
    const sources = [{ name: nodeName("image"), output: input }];
    const plan = planExecution({ sources, nodes: [node], wanted: [node.name], form: "fast" });
    expect(plan.fastLayers.size).toBe(0);
    expect(plan.run([Uint8Array.of(1)], 1).get(node.name)).toEqual(
      executeLayer(node, [input], [Uint8Array.of(1)], 1, { form: "plain" }),
    );
  });
});

describe("layers of the fast form", () => {
  it.each(LAYER_KINDS)("equal the plain form: %s", (kind) => {
    let fast = 0;
    let drawn = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const rng = createRng(seed);
        const layer = randomLayer(rng, kind);
        if (layer === undefined) return;
        const { node, inputs } = layer;
        const values = inputs.map((type) => randomValues(rng, type, 2));
        const plain = executeLayer(node, inputs, values, 2, { form: "plain" });
        expect(executeLayer(node, inputs, values, 2)).toEqual(plain);
        const sources = inputsOfQuantNode(node).map((name, i) => ({ name, output: inputs[i]! }));
        drawn++;
        fast += planExecution({ sources, nodes: [node], wanted: [node.name], form: "fast" }).fastLayers.size;
      }),
      { numRuns: 300 },
    );
    expect(fast / drawn).toBeGreaterThan(0.7);
  });

  it("equal the plain form in chains with sums, reshapes and plain layers between, started anywhere", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const rng = createRng(seed);
        const shape = [4 + rng.integer(9), 4 + rng.integer(9), 1 + rng.integer(9)];
        const nodes: QuantNode[] = [{ kind: "input", name: nodeName("image"), output: quantType(shape) }];
        const append = (kind: ComputedNode["kind"]): void => {
          const last = nodes.at(-1)!;
          const made = randomLayer(rng, kind, last.output);
          if (made === undefined) return;
          const node = { ...made.node, name: nodeName(`layer ${nodes.length}`) };
          if (node.kind !== "add") {
            nodes.push({ ...node, input: last.name });
            return;
          }
          const partner = nodes.find(({ output }) => output.shape.join() === last.output.shape.join())!;
          nodes.push({ ...node, inputs: [last.name, partner.name] });
        };
        for (let i = 0; i < 5; i++) {
          append(pick(rng, "conv2d", "depthwiseConv2d", "add", "maxPool2d", "averagePool2d"));
        }
        append("reshape");
        append("dense");
        const network: QuantNetwork = {
          kind: "quantNetwork",
          name: "chain",
          encoding: { scale: 1, offset: 0 },
          nodes,
          output: nodes.at(-1)!.name,
        };
        const images = randomValues(rng, nodes[0]!.output, 2) as Uint8Array;
        expectEqualForms(network, images, 2);
        const output = executeQuantNetwork(network, images, 2).get(network.output);
        const middle = nodes.findLast((node) => node.kind === "reshape")!;
        const values = executeQuantNetwork(network, images, 2, { outputs: [middle.name] }).get(middle.name)!;
        expect(executeFrom(network, middle.name, values).get(network.output)).toEqual(output);
      }),
      { numRuns: 150 },
    );
  });
});

describe("networks of the fast form", () => {
  it("our backbone, in lean and tflite mode", async () => {
    const file = join(packageRoot, "models", "mobilenet-v1-025-48-cifar100.json");
    const graph = graphFromJson(JSON.parse(readFileSync(file, "utf8")));
    const rng = createRng(4);
    const pixels = Uint8Array.from({ length: 8 * 48 * 48 * 3 }, () => rng.integer(256));
    for (const mode of ["lean", "shift", "tflite"] as const) {
      const network = await quantize(graph, { mode, calibration: { pixels, count: 8 } });
      expectEqualForms(network, pixels, 8);
      expect(fastLayers(network).size).toBe(
        network.nodes.filter(({ kind }) => kind !== "reshape").length - 1,
      );
    }
  });

  it("the published MobileNetV1-0.25, on photos", async (context) => {
    const folder = requireShared(context, "data/imagenet-photos");
    const network = importTfliteFile(
      requireShared(context, "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite"),
    );
    const files = readdirSync(folder).filter((file) => file.endsWith(".jpg"));
    const size = 224 * 224 * 3;
    const images = new Uint8Array(3 * size);
    for (const [i, file] of files.slice(0, 3).entries()) {
      images.set(
        await decodeImage(join(folder, file), { side: 224, resize: "crop", shortSide: 256 }),
        i * size,
      );
    }
    expectEqualForms(network, images, 3);
    expect(fastLayers(network).size).toBe(network.nodes.filter(({ kind }) => kind !== "reshape").length - 1);
  }, 120_000);

  it("the published ResNet-8, on noise and corners", (context) => {
    const network = importTfliteFile(
      requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite"),
    );
    const size = elementCount(network.nodes[0]!.output.shape);
    const rng = createRng(6);
    const images = Uint8Array.from({ length: 12 * size }, (_, i) => {
      if (i < size) return 0;
      return i < 2 * size ? 255 : rng.integer(256);
    });
    expectEqualForms(network, images, 12);
    expect(fastLayers(network).size).toBe(network.nodes.filter(({ kind }) => kind !== "reshape").length - 1);
  }, 120_000);
});
