import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRng } from "../core/index.js";
import { graphFromJson } from "../graph/index.js";
import { BACKBONE_OPTIONS, trainBackbone } from "./backbone.js";
import { sampleBeta } from "./batches.js";
import { readCheckpoint } from "./checkpoint.js";
import { evaluate } from "./evaluate.js";
import { mobilenetV1 } from "./mobilenet.js";
import { defaultTransferOptions, learningRateAt } from "./options.js";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "fixynn-backbone-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Random images in CIFAR-100's binary layout, every class at least once. */
function writeImages(): void {
  const rng = createRng(1);
  for (const [file, count] of [
    ["train.bin", 128],
    ["test.bin", 100],
  ] as const) {
    const bytes = Uint8Array.from({ length: count * 3074 }, () => rng.integer(256));
    for (let i = 0; i < count; i++) bytes.set([i % 20, i % 100], i * 3074);
    writeFileSync(join(folder, file), bytes);
  }
  const names = Array.from({ length: 100 }, (_, i) => `class${i}\n`);
  writeFileSync(join(folder, "fine_label_names.txt"), names.join(""));
}

describe("trainBackbone", () => {
  it("writes the model and a true record, and starts again where it was", async () => {
    writeImages();
    const out = join(folder, "model.json");
    const options = { ...BACKBONE_OPTIONS, epochs: 2, batch: 32 };
    const request = { dataFolder: folder, out, side: 32, alpha: 0.125, seed: 3, options };
    const epochs: number[] = [];
    const { graph, record } = await trainBackbone({
      ...request,
      checkpointFile: join(folder, "checkpoint.json"),
      onEpoch: ({ epoch }) => void epochs.push(epoch),
    });
    expect(epochs).toEqual([1, 2]);
    const written = graphFromJson(JSON.parse(readFileSync(out, "utf8")));
    expect(written).toEqual(graph);
    expect(JSON.parse(readFileSync(join(folder, "model.record.json"), "utf8"))).toEqual(record);
    expect(record.accuracy.testImages).toBe(100);
    expect(record.images.train).toBe(128);
    const again: string[] = [];
    const second = await trainBackbone({
      ...request,
      checkpointFile: join(folder, "checkpoint.json"),
      onEpoch: ({ epoch }) => again.push(String(epoch)),
    });
    expect(again).toEqual([]);
    expect(second.graph).toEqual(graph);
    const dataset = {
      count: 1,
      height: 32,
      width: 32,
      channels: 3,
      store: { kind: "memory", bytes: new Uint8Array(3072) } as const,
    };
    expect((await evaluate(graph, { ...dataset, labels: Uint16Array.of(0) })).images).toBe(1);
  });
});

describe("mobilenetV1", () => {
  it("has Keras's layers and, at width 0.25 with 1000 classes, its parameter count", () => {
    const graph = mobilenetV1({ alpha: 0.25, side: 224, classes: 1000, rng: createRng(1) });
    const names = graph.nodes.map(({ name }) => String(name));
    for (const name of [
      "conv1",
      "conv1_bn",
      "conv1_relu",
      "conv_pad_2",
      "conv_dw_13_bn",
      "conv_pw_13_relu",
    ]) {
      expect(names).toContain(name);
    }
    const count = graph.nodes.reduce(
      (sum, node) =>
        sum +
        Object.values(node).reduce<number>(
          (n, value) => n + (typeof value === "object" && "data" in value ? value.data.length : 0),
          0,
        ),
      0,
    );
    expect(count).toBe(475_544);
  });
});

describe("schedule and sampling", () => {
  it("warms up, peaks, and falls to zero", () => {
    const options = { ...defaultTransferOptions(50_000), epochs: 4, warmupEpochs: 1, learningRate: 0.2 };
    const rates = Array.from({ length: 40 }, (_, step) => learningRateAt(step, 10, options));
    expect(rates[0]).toBeGreaterThan(0);
    expect(Math.max(...rates)).toBeCloseTo(0.2, 6);
    expect(rates.indexOf(Math.max(...rates))).toBe(10);
    expect(rates.slice(11).every((rate, i) => rate < rates[i + 10]!)).toBe(true);
    expect(rates.at(-1)).toBeLessThan(0.001);
  });

  it("samples Beta(α, α): mean ½, variance 1 / (4·(2α + 1))", () => {
    const rng = createRng(9);
    const samples = Array.from({ length: 20_000 }, () => sampleBeta(0.3, rng));
    const mean = samples.reduce((a, b) => a + b, 0) / samples.length;
    const variance = samples.reduce((a, b) => a + (b - mean) ** 2, 0) / samples.length;
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(variance - 1 / (4 * 1.6))).toBeLessThan(0.005);
  });

  it("gives a small set more epochs, and takes flips away on request", () => {
    expect(defaultTransferOptions(50_000).epochs).toBe(5);
    expect(defaultTransferOptions(1_434).epochs).toBe(60);
    expect(defaultTransferOptions(13_069, { flip: false }).augmentation.flip).toBe(false);
  });

  it("ignores a damaged checkpoint", () => {
    const path = join(folder, "damaged.json");
    writeFileSync(path, '{"format":"fixynn-checkpoint-1","key":"k","epoch":');
    expect(readCheckpoint(path, "k")).toBeUndefined();
  });
});
