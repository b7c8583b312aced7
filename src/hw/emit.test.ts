import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { requireTool } from "../../test/helpers/environment.js";
import { randomFront } from "../../test/helpers/random-front.js";
import { createRng, sha256 } from "../core/index.js";
import { executeQuantNetwork } from "../quant/index.js";
import { emitFrontEnd } from "./emit.js";
import { compileFrontEnd, streamOf } from "./front.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function emitted(seed: number, mode: "lean" | "tflite", layers: number): ReadonlyMap<string, string> {
  const network = randomFront(createRng(seed), { layers, mode, side: 9 });
  const front = compileFrontEnd(network, network.output);
  const count = 4;
  const { beats, channels } = streamOf(front.input);
  const rng = createRng(seed + 1);
  const inputs = Uint8Array.from({ length: count * beats * channels }, () => rng.integer(256));
  const outputs = executeQuantNetwork(network, inputs, count).get(network.output)!;
  return emitFrontEnd(front, { vectors: { count, inputs, outputs } });
}

function write(files: ReadonlyMap<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "fixynn-hw-"));
  folders.push(folder);
  for (const [name, text] of files) writeFileSync(join(folder, name), text);
  return folder;
}

const run = (command: string, args: readonly string[], cwd: string) => {
  const { status, stdout, stderr } = spawnSync(command, [...args], { cwd, encoding: "utf8" });
  return { status, text: `${stdout}${stderr}` };
};

describe("emitFrontEnd", () => {
  it("gives the same bytes for the same network, hashed in the manifest, in lines of at most 120 columns", () => {
    const files = emitted(3, "lean", 4);
    expect([...emitted(3, "lean", 4)]).toEqual([...files]);
    const manifest = JSON.parse(files.get("manifest.json")!) as {
      layers: { module: string }[];
      files: Record<string, { sha256: string }>;
    };
    expect(manifest.layers).toHaveLength(4);
    for (const [name, { sha256: hash }] of Object.entries(manifest.files))
      expect(sha256(files.get(name)!)).toBe(hash);
    expect(Object.keys(manifest.files).length).toBe(files.size - 1);
    for (const [name, text] of files) {
      if (!name.endsWith(".sv")) continue;
      for (const line of text.split("\n")) expect(line.length, `${name}: ${line}`).toBeLessThanOrEqual(120);
    }
  });

  it("is clean under verilator --lint-only -Wall, testbench too", (context) => {
    const verilator = requireTool(context, "verilator");
    for (const [seed, mode] of [
      [3, "lean"],
      [4, "tflite"],
      [11, "lean"],
      [12, "tflite"],
    ] as const) {
      const files = emitted(seed, mode, 4);
      const sources = [...files.keys()].filter((name) => name.endsWith(".sv"));
      const lint = run(
        verilator,
        ["--lint-only", "-Wall", "--timing", "--top-module", "ffe_tb", ...sources],
        write(files),
      );
      expect(lint).toEqual({ status: 0, text: "" });
    }
  });

  it("passes its own testbench in Verilator under random pauses, and fails on one wrong expected value", (context) => {
    const verilator = requireTool(context, "verilator");
    const files = emitted(3, "lean", 3);
    const folder = write(files);
    const sources = [...files.keys()].filter((name) => name.endsWith(".sv"));
    const build = [
      "--binary",
      "--timing",
      "-O1",
      "-CFLAGS",
      "-O0",
      "--top-module",
      "ffe_tb",
      "-o",
      "tb",
      ...sources,
    ];
    expect(run(verilator, build, folder).status).toBe(0);
    const tb = join(folder, "obj_dir", "tb");
    for (const args of [["+stall=0"], ["+seed=5", "+stall=30"], ["+seed=6", "+stall=80"]]) {
      const { status, text } = run(tb, args, folder);
      expect(text).toMatch(/^PASS \d+ values, 4 frames/);
      expect(status).toBe(0);
    }
    const lines = files.get("ffe_tb_output.hex")!.split("\n");
    lines[1] = lines[1]!.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"));
    writeFileSync(join(folder, "ffe_tb_output.hex"), lines.join("\n"));
    const { status, text } = run(tb, [], folder);
    expect(text).toContain("FAIL frame 0 pixel 1 channel 0");
    expect(status).not.toBe(0);
  });
});
