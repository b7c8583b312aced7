import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leanTo8Bits, quantType, randomWeighted } from "../../test/helpers/quant-networks.js";
import { createRng, silent } from "../core/index.js";
import { readTechnology } from "../cost/index.js";
import { nodeName } from "../graph/index.js";
import { compileFrontEnd } from "../hw/index.js";
import type { QuantNetwork } from "../quant/index.js";
import { cyclesOfCuts } from "./compiled.js";
import { deepestFreeze, largestLoss } from "./deepest.js";
import { type ExploreRequest, explore } from "./explore.js";
import { acceleratorLayersOf } from "./network-layers.js";
import { ownRequantization, withRequantization } from "./requantization.js";
import { defaultSpace, type ExploreSpace, parseFolding } from "./space.js";
import type { Exploration, TaskAccuracy } from "./types.js";

const technology = readTechnology("sky130hd");
const folder = mkdtempSync(join(tmpdir(), "fixynn-explore-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Four layers over 8×8 pixels: a convolution, depthwise with stride 2, pointwise, pointwise. */
function smallNetwork(): QuantNetwork {
  const rng = createRng(7);
  const one = { height: 1, width: 1 };
  const three = { height: 3, width: 3 };
  const pad = { top: 1, bottom: 1, left: 1, right: 1 };
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const input = quantType([8, 8, 3]);
  const nodes: QuantNetwork["nodes"][number][] = [{ kind: "input", name: nodeName("image"), output: input }];
  const add = (
    name: string,
    kind: "conv2d" | "depthwiseConv2d",
    channels: number,
    window: Parameters<typeof randomWeighted>[4],
  ): void => {
    const before = nodes.at(-1)!;
    const layer = randomWeighted(rng, kind, before.output, channels, window);
    const taps = layer.weights.data.length / channels;
    nodes.push({
      ...layer,
      ...{ name: nodeName(name), input: before.name },
      requantization: leanTo8Bits(channels, taps * 127 * 255),
    });
  };
  add("conv1", "conv2d", 2, { kernel: three, stride: one, padding: pad });
  add("dw1", "depthwiseConv2d", 2, { kernel: three, stride: { height: 2, width: 2 }, padding: pad });
  add("pw1", "conv2d", 4, { kernel: one, stride: one, padding: none });
  add("pw2", "conv2d", 3, { kernel: one, stride: one, padding: none });
  return {
    kind: "quantNetwork",
    name: "small",
    encoding: { scale: 1, offset: 0 },
    nodes,
    output: nodeName("pw2"),
  } as QuantNetwork;
}

const network = smallNetwork();
const accuracies: ReadonlyMap<string, readonly TaskAccuracy[]> = new Map([
  ["conv1", [{ dataset: "a", frozen: 0.9, unfrozen: 0.9, images: 100 }]],
  ["pw1", [{ dataset: "a", frozen: 0.895, unfrozen: 0.9, images: 100 }]],
  ["pw2", [{ dataset: "a", frozen: 0.8, unfrozen: 0.9, images: 100 }]],
]);

/** Enough to have every kind of form, and little to compile. */
const smallSpace: ExploreSpace = {
  ...defaultSpace(technology),
  foldings: ["none", "keep:10", "auto", "auto:4"].map(parseFolding),
  requantizations: ["own", "shift"],
  periodsPs: [5000],
  acceleratorsMm2: [0.2, 1],
};

const request = (cacheFolder: string, changes: Partial<ExploreRequest> = {}): ExploreRequest => ({
  ...{ network, accuracies, technology, cacheFolder, codeVersion: "test", threads: 2, onProgress: silent },
  layers: [
    ...acceleratorLayersOf(network),
    { name: "head", kind: "dense", inputShape: [48], outputShape: [10], macs: 480, weightBytes: 480 },
  ],
  space: smallSpace,
  ...changes,
});

const withoutCounts = ({ counts: _, ...rest }: Exploration): unknown => rest;

let found: Exploration;
beforeAll(async () => {
  found = await explore(request(join(folder, "cache")));
});

describe("explore", () => {
  it("finds fronts of every depth, folding and requantization", () => {
    expect(found.freezePoints.map(({ layer }) => layer)).toEqual(["conv1", "dw1", "pw1", "pw2"]);
    expect(new Set(found.fronts.map(({ folding }) => folding))).toEqual(
      new Set(["none", "keep 10", "auto 1", "auto 4"]),
    );
    expect(new Set(found.fronts.map(({ requantization }) => requantization))).toEqual(
      new Set(["own", "shift"]),
    );
    for (const { layers } of found.fronts)
      for (const place of layers) expect(found.layers[place]).toBeDefined();
  });

  it("gives the same cycles as the compiler of whole fronts", () => {
    for (const [folding, options] of [
      ["none", { kind: "none" }],
      ["auto 1", { kind: "auto" }],
    ] as const) {
      const whole = compileFrontEnd(network, nodeName("pw2"), { folding: options });
      const own = found.fronts.find(
        (one) => one.folding === folding && one.freezePoint === "pw2" && one.requantization === "own",
      )!;
      expect(own.cyclesPerFrame).toBeCloseTo(whole.cyclesPerFrame, 0);
    }
  });

  it("adds areas and energies up", () => {
    for (const {
      front,
      accelerator,
      areaMm2,
      frontEnergyUj,
      acceleratorEnergyUj,
      ...point
    } of found.points) {
      const { scaled } = found.fronts[front]!;
      const beside = found.accelerators[accelerator!]!.areaMm2;
      expect(areaMm2).toBeCloseTo(scaled.areaMm2.nominal + beside, 3);
      expect(point.energyPerFrameUj / (frontEnergyUj + acceleratorEnergyUj)).toBeCloseTo(1, 3);
      expect((point.topsPerWatt * point.energyPerFrameUj) / (2e-6 * found.macsPerFrame)).toBeCloseTo(1, 3);
      expect(point.topsPerWattRange.low).toBeLessThanOrEqual(point.topsPerWatt);
      expect(point.topsPerWattRange.high).toBeGreaterThanOrEqual(point.topsPerWatt);
    }
    for (const { areaMm2 } of found.fronts) {
      const { total, ...parts } = areaMm2;
      expect(Object.values(parts).reduce((a, b) => a + b, 0) / total!).toBeCloseTo(1, 3);
    }
  });

  it("puts only designs with measured accuracies on fronts over losses", () => {
    const overLoss = found.pareto.filter(({ axes }) => axes.includes("loss"));
    expect(overLoss.length).toBeGreaterThan(0);
    for (const { points, knee } of overLoss) {
      expect(points).toContain(knee);
      for (const place of points) expect(found.fronts[found.points[place]!.front]!.isMeasured).toBe(true);
    }
  });

  it("takes everything from the cache the second time, and finds the same", async () => {
    const again = await explore(request(join(folder, "cache")));
    expect(again.counts.computed).toBe(0);
    expect(withoutCounts(again)).toEqual(withoutCounts(found));
  });

  it("goes on where a killed run stopped", async () => {
    const half = join(folder, "half");
    cpSync(join(folder, "cache"), half, { recursive: true });
    const files = readdirSync(half, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    // What a kill leaves: some results are not there, one was being written.
    for (const file of files.filter((_, i) => i % 2 === 0)) rmSync(join(file.parentPath, file.name));
    writeFileSync(join(half, "0a.json.77.part"), "{");
    const again = await explore(request(half));
    expect(again.counts.computed).toBeGreaterThan(0);
    expect(again.counts.found).toBeGreaterThan(0);
    expect(withoutCounts(again)).toEqual(withoutCounts(found));
  });

  it("computes broken entries anew and mends them", async () => {
    const broken = join(folder, "broken");
    cpSync(join(folder, "cache"), broken, { recursive: true });
    const files = readdirSync(broken, { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name));
    writeFileSync(files[0]!, "");
    writeFileSync(files[1]!, readFileSync(files[1]!, "utf8").slice(0, -9));
    // A number changed behind our back must not be believed.
    writeFileSync(
      files[2]!,
      readFileSync(files[2]!, "utf8").replace(/(\d)(\D*)$/, (_, d, rest) => `${9 - d}${rest}`),
    );
    const swapped = readFileSync(files[4]!, "utf8");
    writeFileSync(files[3]!, swapped);
    const again = await explore(request(broken));
    expect(again.counts).toMatchObject({ computed: 4, broken: 4 });
    expect(withoutCounts(again)).toEqual(withoutCounts(found));
    expect((await explore(request(broken))).counts.broken).toBe(0);
  });

  it("works without a place for its cache", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const again = await explore(request(join(file, "cache")));
    expect(withoutCounts(again)).toEqual(withoutCounts(found));
    expect(existsSync(join(file, "cache"))).toBe(false);
  });

  it("refuses layers and figures that cannot be", async () => {
    const refusal = (changes: Partial<ExploreSpace>) =>
      explore(request(join(folder, "cache"), { space: { ...smallSpace, ...changes } }));
    await expect(refusal({ freezePoints: ["pw9"] })).rejects.toThrow(/FX7093.*|cannot freeze up to "pw9"/);
    await expect(refusal({ freezePoints: ["pw9"] })).rejects.toMatchObject({ code: "FX7093" });
    await expect(refusal({ clockShares: [0] })).rejects.toMatchObject({ code: "FX7092" });
    await expect(refusal({ foldings: [] })).rejects.toMatchObject({ code: "FX7092" });
    expect(() => parseFolding("keep")).toThrow(/no folding/);
  });
});

describe("deepestFreeze", () => {
  it("goes as deep as loss and area allow", () => {
    const free = deepestFreeze(found, {});
    expect(free).toMatchObject({ isFound: true, freezePoint: "pw2" });
    const bounded = deepestFreeze(found, { maxLoss: 0.01 });
    expect(bounded).toMatchObject({ isFound: true, freezePoint: "pw1" });
    if (!bounded.isFound) throw new Error("not found");
    const { areaMm2 } = found.points[bounded.point]!;
    const small = deepestFreeze(found, { maxLoss: 0.01, maxAreaMm2: areaMm2 });
    expect(small).toMatchObject({ isFound: true, freezePoint: "pw1" });
  });

  it("says why there is none", () => {
    expect(deepestFreeze(found, { maxLoss: -0.5 })).toMatchObject({ isFound: false });
    expect(deepestFreeze(found, { maxAreaMm2: 0.001 })).toMatchObject({
      isFound: false,
      reason: expect.stringContaining("every design is larger"),
    });
    const blind = { ...found, freezePoints: found.freezePoints.map((one) => ({ ...one, tasks: [] })) };
    expect(deepestFreeze(blind, { maxLoss: 0.01 })).toMatchObject({
      isFound: false,
      reason: expect.stringContaining("no accuracies"),
    });
  });

  it("judges by the worst task, and not at all when one lacks a figure", () => {
    const a = { dataset: "a", frozen: 0.8, unfrozen: 0.9, images: 1 };
    const b = { dataset: "b", frozen: 0.9, unfrozen: 0.7, images: 1 };
    expect(largestLoss({ tasks: [a, b] })).toBeCloseTo(0.1, 9);
    expect(largestLoss({ tasks: [a, { dataset: "c", frozen: 0.5, images: 1 }] })).toBeUndefined();
    expect(largestLoss({ tasks: [] })).toBeUndefined();
  });
});

describe("cyclesOfCuts", () => {
  it("never underestimates, is off by the tolerance at most, and saves simulations", async () => {
    const exact = [100, 100, 100, 150, 150, 151, 151, 400, 400, 400, 401, 401, 402, 402, 402, 402];
    let asked = 0;
    const cycles = await cyclesOfCuts(exact.length, (i) => {
      asked++;
      return Promise.resolve(exact[i]!);
    });
    for (const [i, value] of cycles.entries()) {
      expect(value).toBeGreaterThanOrEqual(exact[i]!);
      expect(value).toBeLessThanOrEqual(exact[i]! * 1.02);
    }
    expect(asked).toBeLessThan(exact.length);
    expect(await cyclesOfCuts(0, () => Promise.resolve(1))).toEqual([]);
    expect(await cyclesOfCuts(1, () => Promise.resolve(5))).toEqual([5]);
  });
});

describe("withRequantization", () => {
  it("rewrites multipliers to shifts and keeps what they stand for", () => {
    const shifted = withRequantization(network, "shift");
    expect(ownRequantization(shifted)).toBe("shift");
    for (const [i, node] of shifted.nodes.entries()) {
      const before = network.nodes[i]!;
      if (node.kind !== "conv2d" || before.kind !== "conv2d") continue;
      const factor = (one: typeof node, c: number): number =>
        one.requantization.multipliers[c]! / 2 ** one.requantization.shifts[c]!;
      const outputs = node.bias.data.length;
      for (const [k, w] of node.weights.data.entries()) {
        const c = k % outputs;
        const real = before.weights.data[k]! * factor(before, c);
        expect(Math.abs(w * factor(node, c) - real)).toBeLessThanOrEqual(0.5 * factor(node, c) + 1e-12);
        expect(Math.abs(w)).toBeLessThanOrEqual(Math.abs(before.weights.data[k]!));
      }
    }
  });

  it("leaves the network as it is when asked for its own", () => {
    expect(withRequantization(network, "own")).toBe(network);
    expect(ownRequantization(withRequantization(network, "tflite"))).toBe("tflite");
  });
});
