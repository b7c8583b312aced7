import { spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { packageRoot, sha256 } from "../../src/core/index.js";
import { makePng } from "../helpers/data-files.js";
import { requireShared } from "../helpers/environment.js";

const MOBILENET = "models/mobilenet_v1_025_224_quant/mobilenet_v1_0.25_224_quant.tflite";
const PHOTOS = "data/imagenet-photos";

const folder = mkdtempSync(join(tmpdir(), "fixynn-freeze-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fixynn(...args: readonly string[]) {
  const main = join(packageRoot, "dist", "src", "cli", "main.js");
  const env = { ...process.env, FIXYNN_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env });
}

const hashes = (out: string): string =>
  readdirSync(out)
    .sort()
    .map((name) => `${name} ${sha256(readFileSync(join(out, name)))}`)
    .join("\n");

describe("freeze and verify", () => {
  test("a published quantized model becomes Verilog with the same bytes on photos, twice the same files", (context) => {
    const model = requireShared(context, MOBILENET);
    const photos = requireShared(context, PHOTOS);
    const out = join(folder, "a");
    const freeze = (): string => {
      const run = fixynn("freeze", model, "--through", "Conv2d_1_pointwise", "--out", out);
      expect(run.stderr).toBe("");
      expect(run.status).toBe(0);
      return hashes(out);
    };
    const first = freeze();
    // Again in its place.
    expect(freeze()).toBe(first);
    const run = fixynn("verify", out, "--images", photos, "--count", "2", "--json");
    expect(run.status, run.stderr).toBe(0);
    const verdict = JSON.parse(run.stdout);
    expect(verdict).toMatchObject({ images: 2, mismatches: 0 });
    expect(verdict.layers).toHaveLength(3);
    // Each layer at full speed and again with pauses.
    expect(verdict.values).toBe(2 * 2 * 112 * 112 * (8 + 8 + 16 + 16));
  }, 300_000);

  test("two runs write the same bytes, folded and parallel", (context) => {
    const model = requireShared(context, MOBILENET);
    for (const folding of ["auto", "none"]) {
      const outs = ["first", "second"].map((name) => join(folder, `${name}-${folding}`));
      for (const out of outs) {
        const args = ["--through", "Conv2d_3_pointwise", "--folding", folding, "--out", out];
        expect(fixynn("freeze", model, ...args).status).toBe(0);
      }
      expect(hashes(outs[0]!)).toBe(hashes(outs[1]!));
      const { layers } = JSON.parse(readFileSync(join(outs[0]!, "manifest.json"), "utf8"));
      const isFolded = layers.some(
        ({ stats }: { stats: { parallelism: { kind: string } } }) => stats.parallelism.kind === "folded",
      );
      expect(isFolded).toBe(folding === "auto");
    }
  }, 300_000);

  test("a residual network freezes through its first sum", (context) => {
    const model = requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite");
    const pictures = mkdtempSync(join(folder, "pictures-"));
    writeFileSync(
      join(pictures, "a.png"),
      makePng(32, 32, (x, y) => [x * 8, y * 8, (x * y) & 255]),
    );
    const out = join(folder, "residual");
    const frozen = fixynn("freeze", model, "--through", "add", "--out", out, "--images", pictures);
    expect(frozen.status, frozen.stderr).toBe(0);
    const { layers } = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
    expect(layers.at(-1)).toMatchObject({ layer: "add", reads: ["conv2d", "conv2d_2"] });
    const run = fixynn("verify", out, "--images", pictures, "--count", "1", "--whole", "1", "--json");
    expect(run.status, run.stderr).toBe(0);
    // Four layers at full speed and again with pauses, and so the linked whole.
    expect(JSON.parse(run.stdout)).toMatchObject({ images: 1, mismatches: 0, values: 5 * 2 * 32 * 32 * 16 });
  }, 300_000);

  test("damaged deliverables and missing inputs end with one line and exit code 2", (context) => {
    const model = requireShared(context, MOBILENET);
    const photos = requireShared(context, PHOTOS);
    const out = join(folder, "c");
    expect(fixynn("freeze", model, "--through", "Conv2d_0", "--out", out).status).toBe(0);
    const foreign = mkdtempSync(join(folder, "foreign-"));
    writeFileSync(join(foreign, "notes.txt"), "mine");
    const cases: readonly (readonly [code: string, args: readonly string[]])[] = [
      ["FX4001", ["freeze", model, "--through", "Conv2d_99", "--out", join(folder, "d")]],
      ["FX4001", ["freeze", model, "--through", "Conv2d_0", "--out", join(folder, "d"), "--fold", "x=4x8"]],
      [
        "FX7016",
        ["freeze", model, "--through", "Conv2d_0", "--out", join(folder, "d"), "--fold", "Conv2d_0=4"],
      ],
      ["FX7015", ["freeze", model, "--through", "Conv2d_0", "--clock", "0.5", "--out", join(folder, "d")]],
      ["FX1001", ["freeze", join(folder, "none.tflite"), "--through", "x", "--out", join(folder, "d")]],
      ["FX7011", ["freeze", model, "--through", "Conv2d_0", "--out", foreign]],
      ["FX7010", ["verify", foreign, "--images", photos]],
      ["FX7017", ["verify", out]],
      ["FX7017", ["verify", join(folder, "nowhere")]],
      [
        "FX5043",
        ["freeze", model, "--through", "Conv2d_0", "--out", join(folder, "d"), "--fold", "Conv2d_0=9x27"],
      ],
      ["FX7013", ["verify", out, "--images", foreign]],
      ["FX7013", ["verify", out, "--images", join(folder, "nowhere")]],
    ];
    for (const [code, args] of cases) {
      const run = fixynn(...args);
      expect(run.status, run.stderr).toBe(2);
      expect(run.stderr.trim().split("\n")).toHaveLength(1);
      expect(run.stderr).toContain(code);
    }
    expect(readFileSync(join(foreign, "notes.txt"), "utf8")).toBe("mine");
    appendFileSync(join(out, "ffe_top.sv"), "\n");
    const changed = fixynn("verify", out, "--images", photos);
    expect(changed.status).toBe(2);
    expect(changed.stderr).toContain("FX7012");
  }, 120_000);
});
