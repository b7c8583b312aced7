import { resolve } from "node:path";
import { Command, Option } from "commander";
import type { ClockTarget } from "../arith/index.js";
import { FixynnError } from "../core/index.js";
import { cellTableOf, readTechnology } from "../cost/index.js";
import { freezeModel, writeDeliverable } from "../flow/index.js";
import { type NodeName, nodeName } from "../graph/index.js";
import type { FrontFolding, LayerParallelism } from "../hw/index.js";

/** Read `layer=LANESxINPUTS` of each layer. */
function givenFolding(texts: readonly string[]): FrontFolding {
  const layers = texts.map((text): readonly [NodeName, LayerParallelism] => {
    const [, layer, lanes, inputs] = /^(.+)=([1-9]\d*)x([1-9]\d*)$/.exec(text) ?? [];
    if (layer === undefined) {
      const hint = "write the layer's name, =, lanes, x, inputs: Conv2d_1_pointwise=4x8";
      throw new FixynnError("FX7016", "no folding", { place: text, hint });
    }
    return [nodeName(layer), { kind: "folded", lanes: Number(lanes), inputs: Number(inputs) }];
  });
  return { kind: "given", layers: new Map(layers) };
}

/** Read a clock period and its technology as a target that registers are inserted for. */
export function clockOf({
  clock,
  technology,
}: {
  readonly clock: number;
  readonly technology: string;
}): ClockTarget {
  const cells = cellTableOf(readTechnology(technology));
  const { clockToOutputPs, setupPs } = cells.register;
  const leastPs = clockToOutputPs + setupPs + cells.fullAdder.sumPs + cells.inverter.delayPs;
  if (!(clock * 1000 >= leastPs)) {
    throw new FixynnError("FX7015", `no full adder fits into a clock of ${clock} ns`, {
      place: technology,
      hint: `${(leastPs / 1000).toFixed(2)} ns at least`,
    });
  }
  return { periodPs: clock * 1000, cells };
}

/** `fixynn freeze`: a quantized network's first layers as Verilog. */
export function freezeCommand(): Command {
  return new Command("freeze")
    .description("compile the first layers of a quantized network to SystemVerilog")
    .argument("<model>", "quantized .tflite, or an integer network (.json)")
    .requiredOption("--through <layer>", "last layer to freeze")
    .requiredOption("-o, --out <folder>", "where the files go; an earlier deliverable there is replaced")
    .addOption(
      new Option("--folding <how>", "fold slow layers to the rate of one input pixel a cycle, or none")
        .choices(["auto", "none"])
        .default("auto"),
    )
    .option(
      "--fold <layer=LANESxINPUTS...>",
      "fold these layers so (multipliers: lanes times inputs) and leave the others parallel",
    )
    .option("--clock <ns>", "clock period that registers are inserted for", Number, 5)
    .option("--technology <name>", "table of cell delays: a shipped one, or a file", "sky130hd")
    .option("--images <folder>", "pictures for the testbench's vectors; without them there is no testbench")
    .option("--json", "print JSON", false)
    .action(
      async (
        model: string,
        options: {
          through: string;
          out: string;
          folding: "auto" | "none";
          fold?: string[];
          clock: number;
          technology: string;
          images?: string;
          json: boolean;
        },
      ) => {
        const started = performance.now();
        const folder = resolve(options.out);
        const { front, files } = await freezeModel({
          model,
          through: options.through,
          folding: options.fold === undefined ? { kind: options.folding } : givenFolding(options.fold),
          clock: clockOf(options),
          images: options.images,
        });
        writeDeliverable(files, folder);
        const seconds = (performance.now() - started) / 1000;
        const layers = front.layers.map(({ node, stats }) => ({
          layer: node.name,
          ...stats,
        }));
        if (options.json) {
          process.stdout.write(
            `${JSON.stringify({ folder, seconds, cyclesPerFrame: front.cyclesPerFrame, files: files.size, layers })}\n`,
          );
          return;
        }
        for (const { layer, datapath, requantization, registerBits, sramBits, romBits } of layers) {
          const adders =
            datapath.fullAdders +
            datapath.finalAdderBits +
            requantization.fullAdders +
            requantization.finalAdderBits;
          const registers =
            registerBits.datapath +
            registerBits.window +
            registerBits.control +
            registerBits.buffer +
            (registerBits.configuration ?? 0);
          process.stdout.write(
            `${layer.padEnd(28)} ${`${adders}`.padStart(7)} full adders ${`${registers}`.padStart(7)} flip-flops ` +
              `${`${romBits}`.padStart(8)} ROM bits ${`${sramBits}`.padStart(8)} RAM bits\n`,
          );
        }
        process.stdout.write(
          `${files.size} files in ${folder}, ${front.cyclesPerFrame} cycles a frame, ${seconds.toFixed(1)} s\n`,
        );
      },
    );
}
