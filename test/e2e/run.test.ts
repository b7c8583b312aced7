import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createRng, packageRoot } from "../../src/core/index.js";
import { TESTBENCH_MODULE } from "../../src/hw/index.js";
import { parseResults } from "../../src/report/index.js";
import { runVerilator, SHORT_RUNS } from "../../src/sim/index.js";
import { makeColourImages } from "../helpers/colour-images.js";
import { requireTool } from "../helpers/environment.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-resume-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const main = join(packageRoot, "dist", "src", "cli", "main.js");
const config = join(folder, "config.json");

function makeImages(): void {
  makeColourImages(join(folder, "images"), { train: 32, test: 8 });
  const training = { epochs: 3, batch: 16, search: { trials: 3 } };
  const evaluation = { int8Images: 16, hardwareImages: 8, verilatorSeconds: 0 };
  const datasets = [{ kind: "folder", path: "images" }];
  const quantization = { calibrationImages: 16 };
  writeFileSync(
    config,
    JSON.stringify({ datasets, freezePoints: ["conv_pw_1"], training, evaluation, quantization }),
  );
}

/** Arguments and environment of a run; each has its own cache, so that nothing is taken from another. */
function command(name: string): { args: string[]; env: NodeJS.ProcessEnv; results: string } {
  const out = join(folder, name);
  const args = [main, "run", "--config", config, "--out", out];
  const env = { ...process.env, FIXYNN_CACHE: join(folder, `${name}-cache`) };
  return { args, env, results: join(out, "results.json") };
}

function finish(name: string): unknown {
  const { args, env, results } = command(name);
  const done = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  expect(done.stderr.split("\n").filter((line) => line.startsWith("fixynn:"))).toEqual([]);
  expect(done.status).toBe(0);
  return withoutTimes(parseResults(JSON.parse(readFileSync(results, "utf8"))));
}

function kill(name: string, afterMs: number): Promise<void> {
  const { args, env } = command(name);
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { env, stdio: "ignore" });
    setTimeout(() => child.kill("SIGKILL"), afterMs);
    child.on("close", () => resolve());
  });
}

/** Drop what may differ between two runs of the same code: times, the machine, and the commit that is checked out. */
function withoutTimes(value: unknown): unknown {
  const dropped = new Set(["seconds", "startedAt", "machine", "steps", "gitCommit"]);
  return JSON.parse(JSON.stringify(value, (key, v: unknown) => (dropped.has(key) ? undefined : v)));
}

test("a run that was killed goes on and gives the same numbers", { timeout: 300_000 }, async () => {
  makeImages();
  const straight = finish("straight") as { rtl: { verified: { mismatches: number; values: number } } };
  expect(straight.rtl.verified.mismatches).toBe(0);
  expect(straight.rtl.verified.values).toBeGreaterThan(0);
  const rng = createRng(11);
  for (let i = 0; i < 3; i++) await kill("killed", 700 + rng.integer(2500));
  expect(finish("killed")).toEqual(straight);
});

test("fixynn cost on the run finds the energies that the run found", () => {
  const { env, results } = command("straight");
  const { cost, layers } = parseResults(JSON.parse(readFileSync(results, "utf8")));
  const { clockMhz, energyPerFrameUj, tier } = cost!.front!;
  expect(tier).toBe("simulated");
  expect(cost!.notes!.join()).toContain("simulated with delays on windows of real images");
  const args = [main, "cost", join(folder, "straight"), "--clock", `${clockMhz}`, "--json"];
  const done = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  expect(done.status, done.stderr).toBe(0);
  const { energy } = JSON.parse(done.stdout);
  expect(energy.source).toContain("test images of the run");
  expect(energy.structural.cost.energyPerFrameUj.total).toBeCloseTo(energyPerFrameUj, 12);
  const frozen = layers!.filter((layer) => layer.frozen);
  expect(energy.structural.cost.layers.map((layer: { glitchFactor: number }) => layer.glitchFactor)).toEqual(
    frozen.map(({ glitchFactor }) => glitchFactor),
  );
});

test("the testbench that the run emitted passes in Verilator", { timeout: 400_000 }, async (context) => {
  requireTool(context, "verilator");
  const verdict = await runVerilator({
    folder: join(folder, "straight", "rtl", "conv_pw_1"),
    top: TESTBENCH_MODULE,
    flags: SHORT_RUNS,
  });
  expect(verdict.output).toContain("PASS");
  expect(verdict.passed).toBe(true);
});
