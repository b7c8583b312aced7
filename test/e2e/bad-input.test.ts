import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/index.js";
import { DEFAULT_MODEL } from "../../src/flow/index.js";
import { graphFromJson, graphToJson } from "../../src/graph/index.js";
import { makePng } from "../helpers/data-files.js";
import { writeKerasFile } from "../helpers/keras-file.js";
import { checkOnnxStructure } from "../helpers/onnx-decode.js";

const folder = mkdtempSync(join(tmpdir(), "fixynn-bad-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const isProgress = (line: string): boolean => /^ *\d+ % {2}/.test(line);

/** Run the built command line. */
function fixynn(...args: readonly string[]): {
  readonly status: number | null;
  readonly lines: readonly string[];
} {
  const main = join(packageRoot, "dist", "src", "cli", "main.js");
  const env = { ...process.env, FIXYNN_CACHE: join(folder, "cache") };
  const result = spawnSync(process.execPath, [main, ...args], { encoding: "utf8", cwd: folder, env });
  return {
    status: result.status,
    lines: result.stderr.split("\n").filter((line) => line !== "" && !isProgress(line)),
  };
}

/** Run with a configuration and expect one line with a code, exit code 2. */
function expectRefused(name: string, config: unknown, code: RegExp, out = join(folder, `${name}-run`)): void {
  const file = join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify(config));
  const { status, lines } = fixynn("run", "--config", file, "--out", out);
  expect(lines).toEqual([expect.stringMatching(code)]);
  expect(status).toBe(2);
}

/** A square PNG with some structure. */
const png = (side: number): Buffer => makePng(side, side, (x, y) => [(x * 20) % 256, (y * 20) % 256, 128]);

const images = join(folder, "images");
for (const label of ["cat", "dog"]) {
  mkdirSync(join(images, label), { recursive: true });
  for (let i = 0; i < 4; i++) writeFileSync(join(images, label, `${i}.png`), png(12));
}
const datasets = [{ kind: "folder", path: images }];

/** A Keras model of one layer. */
const keras = (kind: string) => ({
  config: {
    class_name: "Sequential",
    config: {
      name: "small",
      layers: [
        { class_name: "InputLayer", config: { name: "in", batch_input_shape: [null, 8, 8, 3] } },
        { class_name: kind, config: { name: "odd_one" } },
      ],
    },
  },
  weights: {},
});

describe("bad input ends with one line and exit code 2", () => {
  test("an unknown freeze point, with those that exist", () => {
    expectRefused("point", { freezePoints: ["conv_pw_99"] }, /^fixynn: FX8005 .*conv_pw_99.*conv_pw_3/);
  });

  test("an unknown field of the configuration", () => {
    expectRefused("field", { freezepoints: ["conv_pw_3"] }, /^fixynn: FX8002 .*freezepoints/);
  });

  test("a missing model and a truncated .h5", async () => {
    expectRefused("missing", { model: { path: "none.h5" }, datasets }, /^fixynn: FX1001 .*none\.h5/);
    const path = join(folder, "cut.h5");
    await writeKerasFile(path, keras("Flatten"));
    truncateSync(path, Math.floor(statSync(path).size / 2));
    expectRefused("truncated", { model: { path }, datasets }, /^fixynn: FX1002 .*cut\.h5/);
  });

  test("a layer that is not known, with its name", async () => {
    const path = join(folder, "unknown.h5");
    await writeKerasFile(path, keras("Lambda"));
    expectRefused("unknown", { model: { path }, datasets }, /^fixynn: FX1003 .*Lambda.*odd_one/);
  });

  test("weights that are no numbers, with the layer's name", () => {
    const graph = graphFromJson(JSON.parse(readFileSync(DEFAULT_MODEL, "utf8")));
    const node = graph.nodes.find((one) => one.name === "conv_pw_2")!;
    if (node.kind !== "conv2d") throw new Error("conv_pw_2 is a convolution");
    node.weights.data[5] = Number.NaN;
    const path = join(folder, "nan-model.json");
    writeFileSync(path, JSON.stringify(graphToJson(graph)));
    expectRefused("nan", { model: { path }, datasets }, /^fixynn: FX1012 .*conv_pw_2/);
  });

  test("an empty class folder", () => {
    const path = join(folder, "empty-class");
    mkdirSync(join(path, "bird"), { recursive: true });
    mkdirSync(join(path, "fish"), { recursive: true });
    for (let i = 0; i < 4; i++) writeFileSync(join(path, "bird", `${i}.png`), png(8));
    expectRefused("empty", { datasets: [{ kind: "folder", path }] }, /^fixynn: FX20\d\d .*fish/);
  });

  test("images of another size than demanded", () => {
    const exact = [{ kind: "folder", path: images, resize: "exact" }];
    expectRefused("size", { datasets: exact }, /^fixynn: FX20\d\d .*12/);
  });

  test("a run directory that cannot be written", () => {
    writeFileSync(join(folder, "file"), "");
    expectRefused("readonly", { datasets }, /^fixynn: FX8004 /, join(folder, "file", "run"));
  });

  test("an export of what is no model, into what is no folder, or with other class names", () => {
    const file = join(folder, "blocked");
    writeFileSync(file, "cat\ndog\n");
    const out = join(folder, "model.onnx");
    const cases = [
      { args: ["none.h5", "--out", out], line: /^fixynn: FX1001 .*none\.h5/ },
      { args: [file, "--out", out], line: /^fixynn: FX1001 .*unknown model format/ },
      { args: [DEFAULT_MODEL, "--out", join(file, "model.onnx")], line: /^fixynn: FX8001 .*blocked/ },
      {
        args: [DEFAULT_MODEL, "--out", out, "--classes", file],
        line: /^fixynn: FX1018 .*2 class names for 100/,
      },
    ];
    for (const { args, line } of cases) {
      const { status, lines } = fixynn("export", ...args);
      expect(lines).toEqual([expect.stringMatching(line)]);
      expect(status).toBe(2);
    }
    expect(fixynn("export", DEFAULT_MODEL, "--out", out).status).toBe(0);
    expect(checkOnnxStructure(readFileSync(out)).outputs[0]).toMatchObject({ shape: ["N", 100] });
  });

  test("an unknown command line option", () => {
    const { status } = fixynn("run", "--outt", "x");
    expect(status).toBe(2);
  });

  test.each([
    ["tech", "import", "cells.lib"],
    ["data", "get"],
  ])("%s %s without what it needs", (...args) => {
    const { status, lines } = fixynn(...args);
    expect(lines).toEqual([expect.stringMatching(/^error: /)]);
    expect(status).toBe(2);
  });
});
