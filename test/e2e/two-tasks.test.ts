import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { packageRoot } from "../../src/core/index.js";
import { parseResults } from "../../src/report/index.js";
import { requireCifar10Test, requireFull, requireShared } from "../helpers/environment.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-tasks-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("CIFAR-10 and GTSRB run one after the other on one chip of the default backbone", {
  timeout: 400_000,
}, async (context) => {
  requireFull(context);
  await requireCifar10Test(context);
  const unpack = requireShared(context, "tools/unpack-data.mjs");
  expect(spawnSync(process.execPath, [unpack, join(folder, "data")]).status).toBe(0);
  const config = join(folder, "config.json");
  writeFileSync(
    config,
    JSON.stringify({
      datasets: [{ name: "cifar10" }, { kind: "gtsrb32", path: "data/gtsrb-32" }],
      freezePoints: ["conv_pw_3"],
      training: { epochs: 1, images: 512, views: 1, learningRate: 0.05 },
      quantization: { calibrationImages: 64 },
      evaluation: { int8Images: 64, hardwareImages: 8, verilatorSeconds: 0 },
    }),
  );
  const main = join(packageRoot, "dist", "src", "cli", "main.js");
  const out = join(folder, "out");
  const done = spawnSync(process.execPath, [main, "run", "--config", config, "--out", out], {
    encoding: "utf8",
  });
  expect(done.stderr.split("\n").filter((line) => line.startsWith("fixynn:"))).toEqual([]);
  expect(done.status).toBe(0);
  const { system } = parseResults(JSON.parse(readFileSync(join(out, "results.json"), "utf8")));
  expect(system!.tasks.map(({ dataset }) => dataset)).toEqual(["cifar10", "gtsrb32"]);
  expect(system!.mismatches).toBe(0);
  for (const task of system!.tasks) {
    expect(task.images).toBe(8);
    expect(task.values).toBe(8 * (task.dataset === "cifar10" ? 10 : 43));
    expect(task.switching).toEqual({ registerWrites: 1, weightBytes: task.weightBytesPerFrame });
    expect(Math.abs(task.predictedCyclesPerFrame / task.cyclesPerFrame - 1)).toBeLessThan(0.05);
  }
  // As many words of code, but for the classes: the programs differ in weights and in their last layer.
  expect(system!.tasks[1]!.weightBytesPerFrame).toBeGreaterThan(system!.tasks[0]!.weightBytesPerFrame);
  for (const text of [done.stdout, readFileSync(join(out, "report.html"), "utf8")])
    expect(text).toContain("Front and engine as one chip");
  expect(system!.judges).toBeUndefined();
});
