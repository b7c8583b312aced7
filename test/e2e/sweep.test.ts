import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../src/core/index.js";
import type { NormalizationResults } from "../../src/flow/index.js";
import { parseResults, type Results } from "../../src/report/index.js";
import { makeColourImages } from "../helpers/colour-images.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-sweep-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const main = join(packageRoot, "dist", "src", "cli", "main.js");
const cache = join(folder, "cache");
/** The least training, where training is not what is tested. */
const BRIEF = { epochs: 1, batch: 16, views: 4, learningRate: 0.02 };

/** Run a command on a configuration: the base one with some changes. */
function run(command: string, name: string, changes: object = {}, own = cache) {
  const config = join(folder, `${name}.json`);
  const base = {
    datasets: [{ kind: "folder", path: "images" }],
    freezePoints: ["conv_pw_1", "conv_pw_3"],
    training: { epochs: 2, batch: 16, views: 4, seeds: 2, search: { trials: 3, share: 0.5 } },
    quantization: { calibrationImages: 16 },
  };
  writeFileSync(config, JSON.stringify({ ...base, ...changes }));
  const args = [main, command, "--config", config, "--out", join(folder, name)];
  return spawnSync(process.execPath, args, {
    env: { ...process.env, FIXYNN_CACHE: own },
    encoding: "utf8",
  });
}

function resultsOf(name: string): Results {
  return parseResults(JSON.parse(readFileSync(join(folder, name, "results.json"), "utf8")));
}

beforeAll(() => makeColourImages(join(folder, "images"), { train: 32, test: 8 }));

test("a sweep trains every freeze point under one budget and leaves ONNX files that run", {
  timeout: 200_000,
}, async () => {
  const done = run("sweep", "plain");
  expect(done.stderr.split("\n").filter((line) => line.startsWith("fixynn:"))).toEqual([]);
  expect(done.status).toBe(0);
  expect(done.stdout).toContain("Deepest freeze point that loses less than 1.0 point");
  const { sweep = [] } = resultsOf("plain");
  expect(sweep.map(({ freezePoint }) => freezePoint.layer)).toEqual(["conv_pw_1", "conv_pw_3"]);
  for (const { rtl, datasets = [] } of sweep) {
    expect(rtl).toBeUndefined();
    const [{ accuracy, training }] = datasets as [NonNullable<typeof datasets>[number]];
    expect(training!.tail!.imagesSeen).toBe(training!.unfrozen!.imagesSeen);
    for (const one of [training!.tail!, training!.unfrozen!]) expect(one.trials!.length).toBe(3);
    for (const one of [accuracy.unfrozen!, accuracy.float!]) {
      expect(one.images).toBe(16);
      expect(one.seeds).toHaveLength(2);
      expect(one.value).toBeCloseTo((one.seeds![0]! + one.seeds![1]!) / 2, 12);
    }
    expect(accuracy.int8!.images).toBe(16);
    expect(accuracy.unfrozenInt8!.images).toBe(16);
  }
  const files = readdirSync(join(folder, "plain", "onnx"));
  expect(files).toHaveLength(6);
  for (const file of files) {
    const session = await ort.InferenceSession.create(join(folder, "plain", "onnx", file));
    const input = new ort.Tensor("float32", new Float32Array(2 * 3 * 48 * 48), [2, 3, 48, 48]);
    const [output] = Object.values(await session.run({ [session.inputNames[0]!]: input }));
    expect(output!.dims).toEqual([2, 2]);
  }
});

test("a quantized network is a backbone too, frozen byte for byte", { timeout: 200_000 }, () => {
  const path = join(folder, "plain", "integer", "images-unfrozen.json");
  const done = run("sweep", "integer", { model: { path }, training: BRIEF }, join(folder, "integer-cache"));
  expect(done.stderr.split("\n").filter((line) => line.startsWith("fixynn:"))).toEqual([]);
  expect(done.status).toBe(0);
  const front = JSON.parse(readFileSync(join(folder, "integer", "integer", "front.json"), "utf8"));
  const given = JSON.parse(readFileSync(path, "utf8"));
  expect(front.nodes).toEqual(given.nodes.slice(0, front.nodes.length));
  expect(resultsOf("integer").sweep).toHaveLength(2);
});

test("a damaged feature file is one clear error, and is made again when it is removed", {
  timeout: 200_000,
}, () => {
  const features = join(cache, "features");
  const files = readdirSync(features, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith("conv_pw_1.bytes"))
    .map((name) => join(features, name));
  expect(files.length).toBeGreaterThan(0);
  const originals = files.map((file) => readFileSync(file));
  for (const file of files) writeFileSync(file, readFileSync(file).fill(0, 0, 20));
  const damaged = run("sweep", "damaged", { training: BRIEF });
  expect(damaged.status).toBe(2);
  expect(damaged.stderr).toMatch(
    /fixynn: FX2031 \S*conv_pw_1\.bytes: record 0 is damaged.*\(hint: remove the file/,
  );
  for (const file of files) rmSync(file);
  expect(run("sweep", "damaged", { training: BRIEF }).status).toBe(0);
  expect(files.map((file) => Buffer.compare(readFileSync(file), originals[files.indexOf(file)]!))).toEqual(
    files.map(() => 0),
  );
});

test("programmable normalization is compared with plain freezing", { timeout: 300_000 }, () => {
  const done = run("normalization", "normalization", { freezePoints: ["conv_pw_1"], training: BRIEF });
  expect(done.stderr.split("\n").filter((line) => line.startsWith("fixynn:"))).toEqual([]);
  expect(done.status).toBe(0);
  const path = join(folder, "normalization", "normalization.json");
  const { rows, silicon } = JSON.parse(readFileSync(path, "utf8")) as NormalizationResults;
  expect(rows).toHaveLength(1);
  expect(rows[0]!.programmable.int8.images).toBe(16);
  expect(rows[0]!.programmable.channels).toBe(32);
  expect(silicon[0]!.areaRatio).toBeGreaterThan(1);
});
