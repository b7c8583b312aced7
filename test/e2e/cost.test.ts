import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, type TestContext, test } from "vitest";
import { packageRoot } from "../../src/core/index.js";
import { makePng } from "../helpers/data-files.js";
import { requireShared, requireTool } from "../helpers/environment.js";

const RESNET = "models/resnet8_cifar10/pretrainedResnet_quant.tflite";
const LIBERTY = "tech/sky130hd_tt.lib.gz";

const folder = mkdtempSync(join(tmpdir(), "fixynn-cost-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const pictures = mkdtempSync(join(folder, "pictures-"));
for (const shift of [0, 3, 11])
  writeFileSync(
    join(pictures, `${shift}.png`),
    makePng(32, 32, (x, y) => [(x * 8 + shift * 20) & 255, y * 8, (x * y + shift) & 255]),
  );

function fixynn(...args: readonly string[]) {
  const main = join(packageRoot, "dist", "src", "cli", "main.js");
  const env = { ...process.env, FIXYNN_CACHE: join(folder, "cache") };
  return spawnSync(process.execPath, [main, ...args], { encoding: "utf8", env });
}

type Row = {
  readonly name: string;
  readonly energyPj: Record<string, number>;
  readonly glitchFactor?: number;
};

function cost(...args: readonly string[]) {
  const run = fixynn("cost", ...args, "--json");
  expect(run.status, run.stderr).toBe(0);
  return JSON.parse(run.stdout) as {
    readonly layers: readonly { readonly structural: { readonly total: number } }[];
    readonly energy?: {
      readonly source: string;
      readonly structural: { readonly cost: { readonly tier: string; readonly layers: readonly Row[] } };
      readonly synthesized?: { readonly cost: { readonly layers: readonly Row[] } };
    };
  };
}

const folded = join(folder, "folded");

/** The first layer with its default folding and a testbench, frozen when it is first asked for. */
function freezeFolded(context: TestContext): string {
  const model = requireShared(context, RESNET);
  if (!existsSync(folded)) {
    const run = fixynn("freeze", model, "--through", "conv2d", "--out", folded, "--images", pictures);
    expect(run.status, run.stderr).toBe(0);
  }
  return folded;
}

describe("fixynn cost", () => {
  test("prints energies: by the testbench's images, by pictures, assumed without either, none when not asked for", (context) => {
    const model = requireShared(context, RESNET);
    const [bare, full] = [join(folder, "bare"), join(folder, "full")];
    const through = ["--through", "conv2d", "--folding", "none"];
    expect(fixynn("freeze", model, ...through, "--out", bare).status).toBe(0);
    expect(fixynn("freeze", model, ...through, "--out", full, "--images", pictures).status).toBe(0);

    const assumed = cost(bare).energy!;
    expect(assumed.source).toContain("assumed");
    expect(assumed.structural.cost.tier).toBe("modelled");
    expect(assumed.structural.cost.layers[0]!.glitchFactor).toBeUndefined();
    const bench = cost(full).energy!;
    expect(bench.source).toContain("the 2 images of the testbench");
    expect(bench.structural.cost.tier).toBe("simulated");
    expect(bench.structural.cost.layers[0]!.glitchFactor).toBeGreaterThan(1);
    // The testbench has the first two pictures.
    const same = cost(bare, "--images", pictures, "--count", "2").energy!;
    expect(same.structural.cost.layers).toEqual(bench.structural.cost.layers);
    const three = cost(bare, "--images", pictures, "--windows", "4").energy!;
    expect(three.source).toContain("3 pictures");
    expect(cost(full, "--no-energy").energy).toBeUndefined();

    const text = fixynn("cost", full).stdout;
    for (const word of ["line buffers", "requantiz.", "clock", "x 1.", "scan flip-flops would add"])
      expect(text).toContain(word);
    expect(fixynn("cost", bare).stdout).toMatch(/activity assumed.*\n.*glitches\nconv2d .*assumed\n/);
  }, 300_000);

  test("puts the energy of the mapped netlist beside the front's own", (context) => {
    requireTool(context, "yosys");
    const out = freezeFolded(context);
    const args = ["--tier", "synthesized", "--liberty", requireShared(context, LIBERTY)];
    const { energy } = cost(out, ...args);
    const [own] = energy!.structural.cost.layers;
    const [mapped] = energy!.synthesized!.cost.layers;
    expect(mapped!.glitchFactor).toBeGreaterThan(1);
    expect(Math.abs(own!.energyPj["total"]! / mapped!.energyPj["total"]! - 1)).toBeLessThan(0.2);
    expect(mapped!.energyPj["datapath"]).not.toBe(own!.energyPj["datapath"]);
  }, 300_000);

  test("refuses a manifest whose front this version compiles otherwise", (context) => {
    const out = join(folder, "changed");
    cpSync(freezeFolded(context), out, { recursive: true });
    const path = join(out, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...manifest, clockPeriodNs: 20 }));
    const run = fixynn("cost", out);
    expect(run.status).toBe(2);
    expect(run.stderr).toContain("FX7018");
    expect(run.stderr).not.toContain("    at ");
    // Areas do not need it.
    expect(fixynn("cost", out, "--no-energy").status).toBe(0);
  }, 300_000);
});
