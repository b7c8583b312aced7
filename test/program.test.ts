import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseProgram, unpackTensor } from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { goldenLogits } from "../src/flow/chip.js";
import { readPictures } from "../src/flow/deliverable.js";
import { programModel, writeChip } from "../src/flow/index.js";
import { importTfliteFile } from "../src/importers/index.js";
import { quantNetworkToJson } from "../src/quant/index.js";
import { makePng } from "./helpers/data-files.js";
import { runEngine } from "./helpers/engine-run.js";
import { isFull, requireShared, requireTool } from "./helpers/environment.js";
import { buildFiles } from "./helpers/verilator.js";

const request = {
  through: "add",
  folding: { kind: "auto", cyclesPerInputPixel: 8 },
  clock: { periodPs: 5000, cells: sky130Cells },
} as const;

test("a chip is written whole: RTL, program, listing, host's file; and again over itself", async (context) => {
  const model = requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite");
  const chip = await programModel({ ...request, models: [model], engine: { cPar: 8, kPar: 8 } });
  const folder = mkdtempSync(join(tmpdir(), "fixynn-chip-"));
  try {
    writeChip(chip, folder);
    writeChip(chip, folder);
    const names = new Set(readdirSync(folder));
    for (const name of [
      "fixynn_top.sv",
      "ffe_top.sv",
      "fxa_engine.sv",
      "program.bin",
      "program.txt",
      "program.json",
    ])
      expect(names).toContain(name);
    expect(names.size).toBe(chip.files.size);
    const program = parseProgram(Uint8Array.from(readFileSync(join(folder, "program.bin"))));
    expect(program.instructions.length).toBeGreaterThan(10);
    rmSync(join(folder, "program.json"));
    writeFileSync(join(folder, "mine.txt"), "mine");
    expect(() => writeChip(chip, folder)).toThrow(expect.objectContaining({ code: "FX7011" }));
    expect(readFileSync(join(folder, "mine.txt"), "utf8")).toBe("mine");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("with nothing frozen it is the engine alone, images packed in memory: the interpreter gives the network's logits", async (context) => {
  const model = requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite");
  const folder = mkdtempSync(join(tmpdir(), "fixynn-pictures-"));
  try {
    for (const [i, name] of ["a.png", "b.png"].entries())
      writeFileSync(
        join(folder, name),
        makePng(32, 32, (x, y) => [(x * 8 + i) % 256, (y * 7) % 256, (x * y) % 256]),
      );
    const made = { ...request, through: null, models: [model], engine: { cPar: 16, kPar: 16 } };
    const chip = await programModel({ ...made, images: folder });
    const names = [...chip.files.keys()];
    expect(names).toEqual(expect.arrayContaining(["fxa_engine.sv", "program.bin", "system_tb.sv"]));
    expect(names).not.toContain("fixynn_top.sv");
    const host = JSON.parse(String(chip.files.get("program.json")));
    expect(host).toMatchObject({ top: "fxa_engine", freezePoint: null, input: { kind: "image" } });
    expect(host.packing.rows.block * host.packing.columns.block).toBeGreaterThan(1);
    const [{ network, program, packed }] = chip.tasks as [(typeof chip.tasks)[0]];
    const images = await readPictures(folder, network, 2);
    const logits = goldenLogits(network, images);
    const size = images.bytes.length / 2;
    for (const [i, wanted] of logits.entries()) {
      const image = packed!.pack(images.bytes.subarray(i * size, (i + 1) * size));
      const memory = runEngine(program, chip.config, image);
      expect([...unpackTensor(memory, program.result)]).toEqual([...wanted]);
    }
    if (!isFull) return;
    requireTool(context, "verilator");
    const build = await buildFiles(
      new Map([...chip.files].map(([name, text]) => [name, String(text)])),
      "system_tb",
    );
    try {
      const { passed, output } = await build.run([]);
      expect(passed, output).toBe(true);
    } finally {
      build.dispose();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 600_000);

test("what cannot be built or computed is one error with a place and a hint", async (context) => {
  const model = requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite");
  const made = (engine: Parameters<typeof programModel>[0]["engine"], through = "add") =>
    programModel({ ...request, through, models: [model], engine });
  await expect(made({ cPar: 7, kPar: 8 })).rejects.toMatchObject({
    code: "FX5100",
    hint: expect.any(String),
  });
  await expect(made({ cPar: 8, kPar: 8 }, "nothing")).rejects.toMatchObject({ code: "FX4001" });
  // Two slots of the stream input, and hardly a row beside them.
  const tight = { cPar: 8, kPar: 8, activationBufferBytes: 2 * 32 * 32 * 16 + 128 };
  await expect(made(tight)).rejects.toMatchObject({ code: "FX5111", hint: expect.any(String) });
});

test("several networks share a chip when their frozen layers are the same", async (context) => {
  const model = requireShared(context, "models/resnet8_cifar10/pretrainedResnet_quant.tflite");
  const folder = mkdtempSync(join(tmpdir(), "fixynn-tasks-"));
  const whole = importTfliteFile(model);
  const weighted = whole.nodes.filter((node) => "weights" in node);
  /** Write the network with one weight of a layer changed. */
  const variant = (name: string, layer: number): string => {
    const { name: changed } = weighted.at(layer)!;
    const nodes = whole.nodes.map((node) => {
      if (node.name !== changed || !("weights" in node)) return node;
      const data = node.weights.data.slice();
      data[0] = data[0] === 1 ? 2 : 1;
      return { ...node, weights: { ...node.weights, data } } as typeof node;
    });
    const path = join(folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(quantNetworkToJson({ ...whole, nodes })));
    return path;
  };
  try {
    const engine = { cPar: 8, kPar: 8 };
    const other = variant("other", -1);
    const chip = await programModel({ ...request, models: [model, other], engine });
    expect(chip.tasks.map(({ name }) => name)).toEqual(["pretrainedResnet_quant", "other"]);
    expect(chip.files.has("other.program.bin")).toBe(true);
    expect(chip.files.has("program.bin")).toBe(false);
    expect(chip.tasks[0]!.program.bytes).not.toEqual(chip.tasks[1]!.program.bytes);
    await expect(
      programModel({ ...request, models: [model, variant("front", 0)], engine }),
    ).rejects.toMatchObject({ code: "FX5103", hint: expect.any(String) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
