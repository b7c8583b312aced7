import { mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { quantType, randomWeighted, singleLayerNetwork } from "../../../test/helpers/quant-networks.js";
import { createRng } from "../../core/index.js";
import {
  allocateSplit,
  createImageReader,
  fillBatch,
  gatherImages,
  NO_AUGMENTATION,
  type Split,
} from "../../data/index.js";
import { executeQuantNetwork } from "../../quant/index.js";
import { extractFeatures, type FeatureRequest } from "./features.js";

const cache = mkdtempSync(join(tmpdir(), "fixynn-features-"));
afterAll(() => rmSync(cache, { recursive: true, force: true }));

const rng = createRng(5);
const input = quantType([8, 8, 3], { zeroPoint: 128 });
const layer = randomWeighted(rng, "conv2d", input, 4, {
  kernel: { height: 3, width: 3 },
  stride: { height: 2, width: 2 },
  padding: { top: 0, bottom: 1, left: 0, right: 1 },
});
const front = singleLayerNetwork(input, layer);

/** Images of another size than the front's input, with labels and groups. */
function images(count: number): Split {
  const { split, pixels } = allocateSplit({ count, height: 6, width: 6, channels: 3 });
  for (let i = 0; i < pixels.length; i++) pixels[i] = rng.integer(256);
  for (let i = 0; i < count; i++) split.labels[i] = i % 3;
  return { ...split, groups: Uint32Array.from({ length: count }, (_, i) => i >> 1) };
}
const split = images(150);
const augmentation = { ...NO_AUGMENTATION, flip: true, shift: 1 };

const request = (changes: Partial<FeatureRequest> = {}): FeatureRequest => ({
  ...{ front, layers: [layer.name], split, augmentation: NO_AUGMENTATION, views: 1, seed: 3 },
  ...{ cacheFolder: cache, threads: 2 },
  ...changes,
});

/** All records of all views. */
function records(features: Split): string[] {
  const reader = createImageReader(features);
  const { views = 1 } = features;
  const all = Array.from({ length: features.count * views }, (_, i) =>
    Buffer.from(reader.read(Math.floor(i / views), i % views)).toString("hex"),
  );
  reader.close();
  return all;
}

describe("extractFeatures", () => {
  it("gives the bytes of the integer front on the resized images, with labels and groups", async () => {
    const features = (await extractFeatures(request())).get(layer.name)!;
    const bytes = new Uint8Array(split.count * 8 * 8 * 3);
    const indices = Uint32Array.from({ length: split.count }, (_, i) => i);
    fillBatch({ split, indices, size: { height: 8, width: 8 } }, bytes, createRng(0));
    const expected = executeQuantNetwork(front, bytes, split.count).get(layer.name)!;
    expect(Buffer.compare(gatherImages(features), Buffer.from(expected))).toBe(0);
    expect(features.labels).toEqual(split.labels);
    expect(features.groups).toEqual(split.groups);
    expect([features.height, features.width, features.channels]).toEqual([4, 4, 4]);
  });

  it("gives every image its own views, the same on any number of threads", async () => {
    const one = (await extractFeatures(request({ augmentation, views: 4, threads: 1 }))).get(layer.name)!;
    const other = await extractFeatures(
      request({ augmentation, views: 4, cacheFolder: join(cache, "other") }),
    );
    expect(records(one)).toEqual(records(other.get(layer.name)!));
    const views = records(one).slice(0, 4 * 20);
    const distinct = Array.from({ length: 20 }, (_, i) => new Set(views.slice(4 * i, 4 * i + 4)).size);
    expect(Math.max(...distinct)).toBe(4);
    expect(distinct.reduce((a, b) => a + b)).toBeGreaterThan(50);
  });

  it("computes nothing twice, and goes on where it was stopped", async () => {
    const folder = join(cache, "resumed");
    const counts: number[] = [];
    const run = () =>
      extractFeatures(request({ cacheFolder: folder, onProgress: ({ done }) => counts.push(done) }));
    const whole = records((await run()).get(layer.name)!);
    expect(counts.length).toBe(3);
    await run();
    expect(counts.length).toBe(3);
    // As a kill leaves it: the journal lacks a job, and its records are not written.
    const [key] = readdirSync(join(folder, "features"));
    const files = readdirSync(join(folder, "features", key!)).map((name) =>
      join(folder, "features", key!, name),
    );
    writeFileSync(files.find((name) => name.endsWith(".done"))!, Uint8Array.of(1, 0, 1));
    const data = openSync(files.find((name) => name.endsWith(".bytes"))!, "r+");
    writeSync(data, new Uint8Array(64 * 64), 0, 64 * 64, 64 * 64);
    expect(records((await run()).get(layer.name)!)).toEqual(whole);
    expect(counts.length).toBe(4);
  });

  it("finds a damaged or short file by its record", async () => {
    const folder = join(cache, "damaged");
    const features = (await extractFeatures(request({ cacheFolder: folder }))).get(layer.name)!;
    const path = features.store.kind === "file" ? features.store.path : "";
    const bytes = readFileSync(path);
    bytes[64 * 10 + 5]! ^= 1;
    writeFileSync(path, bytes);
    expect(() => records(features)).toThrow(
      expect.objectContaining({ code: "FX2031", place: path, message: expect.stringContaining("record 10") }),
    );
    writeFileSync(path, bytes.subarray(0, 64 * 20));
    expect(() => createImageReader(features).read(30)).toThrow(expect.objectContaining({ code: "FX2030" }));
    // A short file is made again.
    const again = (await extractFeatures(request({ cacheFolder: folder }))).get(layer.name)!;
    expect(records(again)).toHaveLength(150);
  });

  it("refuses layers whose values are no bytes, and a cache that cannot be written", async () => {
    const wide = singleLayerNetwork(input, { ...layer, output: { ...layer.output, bits: 16 } });
    await expect(extractFeatures(request({ front: wide }))).rejects.toMatchObject({ code: "FX3020" });
    writeFileSync(join(cache, "file"), "");
    await expect(extractFeatures(request({ cacheFolder: join(cache, "file") }))).rejects.toMatchObject({
      code: "FX8001",
    });
  });
});
