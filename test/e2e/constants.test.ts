import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createRng, packageRoot } from "../../src/core/index.js";
import { parseConstantsResults } from "../../src/report/index.js";
import { makePng } from "../helpers/data-files.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-constants-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two classes that differ in colour, with noise; enough to train on. */
function makeImages(): void {
  const rng = createRng(1);
  for (const [part, count] of [
    ["train", 32],
    ["test", 8],
  ] as const) {
    for (const [label, red] of [
      ["red", 190],
      ["blue", 60],
    ] as const) {
      mkdirSync(join(folder, "images", part, label), { recursive: true });
      for (let i = 0; i < count; i++) {
        const png = makePng(24, 24, () => [red + rng.integer(60), rng.integer(256), 250 - red]);
        writeFileSync(join(folder, "images", part, label, `${i}.png`), png);
      }
    }
  }
}

const main = join(packageRoot, "dist", "src", "cli", "main.js");
const env = { ...process.env, FIXYNN_CACHE: join(folder, "cache") };

function fixynn(...args: readonly string[]) {
  return spawnSync(process.execPath, [main, "constants", ...args], { encoding: "utf8", env });
}

test("a curve of cheaper constants: fewer adders, retrained tails, and nothing done twice", {
  timeout: 600_000,
}, () => {
  makeImages();
  const config = join(folder, "config.json");
  writeFileSync(
    config,
    JSON.stringify({
      datasets: [{ kind: "folder", path: "images", name: "colours" }],
      freezePoints: ["conv_pw_2"],
      training: { epochs: 1, batch: 16, views: 2, search: { trials: 3 } },
      quantization: { calibrationImages: 16 },
      constants: { freezePoint: "conv_pw_1", budgets: [0.4], boundPoints: 5 },
    }),
  );
  const out = join(folder, "run");
  const first = fixynn("--config", config, "--out", out);
  expect(first.status, first.stderr).toBe(0);
  const read = (name: string): string => readFileSync(join(out, name), "utf8");
  const results = parseConstantsResults(JSON.parse(read("constants.json")));
  expect(results).toMatchObject({ dataset: "colours", freezePoint: "conv_pw_1", boundPoints: 5 });
  expect(results.points.map(({ share }) => share)).toEqual([1, 0.4]);
  const [whole, less] = results.points;
  expect(less!.digits).toBeLessThanOrEqual(0.4 * whole!.digits);
  expect(less!.digits).toBeGreaterThan(0.3 * whole!.digits);
  expect(less!.fullAdders).toBeLessThan(0.8 * whole!.fullAdders);
  expect(new Set(results.points.map(({ learningRate }) => learningRate)).size).toBe(1);
  for (const { accuracy } of results.points) {
    expect(accuracy.float.images).toBe(16);
    expect(accuracy.int8.images).toBe(16);
    expect(accuracy.int8.value).toBeGreaterThanOrEqual(0);
  }
  expect(first.stdout).toContain(read("constants.md").trim());
  expect(read("constants.svg")).toContain("<svg");

  // Again: everything is there already.
  const again = fixynn("--config", config, "--out", out, "--budgets", "0.4", "--json");
  expect(again.status, again.stderr).toBe(0);
  expect(parseConstantsResults(JSON.parse(again.stdout)).points).toEqual(results.points);
  expect(again.stderr).not.toMatch(/train |features /);
  expect(readdirSync(join(out, "constants"))).toEqual(["conv_pw_1-0.4"]);
});

test("wrong budgets and unknown datasets end with one line and exit code 2", () => {
  const budget = fixynn("--budgets", "0.5,2");
  expect(budget.status).toBe(2);
  expect(budget.stderr).toContain("above 0, at most 1");
  const config = join(folder, "config.json");
  const dataset = fixynn("--config", config, "--dataset", "none", "--out", join(folder, "other"));
  expect(dataset.status).toBe(2);
  expect(dataset.stderr).toMatch(/^fixynn: FX8011 .*none.*colours/m);
});
