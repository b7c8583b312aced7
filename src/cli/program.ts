import { resolve } from "node:path";
import { Command, Option } from "commander";
import { FixynnError } from "../core/index.js";
import { programModel, writeChip } from "../flow/index.js";
import { clockOf } from "./freeze.js";

/** What `--through` says when nothing is frozen. */
const NOTHING = "none";

/** Read `CxK`. */
function arrayOf(text: string): { readonly cPar: number; readonly kPar: number } {
  const [, cPar, kPar] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  if (cPar === undefined)
    throw new FixynnError("FX5100", `no array "${text}"`, {
      place: "--array",
      hint: "write cPar x kPar: 16x16",
    });
  return { cPar: Number(cPar), kPar: Number(kPar) };
}

/** `fixynn program`: a whole chip, frozen front and programmable engine, with the program for the rest of the network. */
export function programCommand(): Command {
  return new Command("program")
    .description(
      "make a chip of quantized networks that begin alike: frozen front, programmable engine, and a program for each tail",
    )
    .argument("<models...>", "quantized .tflite, or integer networks (.json): one for each task")
    .requiredOption(
      "--through <layer>",
      "last layer to freeze; none: the engine computes all, images from memory",
    )
    .requiredOption("-o, --out <folder>", "where the files go; an earlier chip there is replaced")
    .option(
      "--array <cParxkPar>",
      "multipliers of the engine: 4 to 64 input channels x 4 to 32 output channels",
      "16x16",
    )
    .addOption(
      new Option("--weight-bits <n>", "9 for TensorFlow Lite's uint8 weights in one plane")
        .choices(["8", "9"])
        .default("8"),
    )
    .option("--multiplier-bits <n>", "of a requantizer a cycle: 8, 16 or 32", Number, 16)
    .option(
      "--activations <bytes>",
      "activation memory; default: the smallest in which every tail keeps its tensors on chip",
      Number,
    )
    .option("--weights <bytes>", "weight ring", Number, 32 * 1024)
    .option("--memory-port <bytes>", "bytes of a beat: 4 to 64", Number, 16)
    .addOption(new Option("--folding <how>", "of the front").choices(["auto", "none"]).default("auto"))
    .option("--clock <ns>", "clock period that registers are inserted for", Number, 5)
    .option("--technology <name>", "table of cell delays: a shipped one, or a file", "sky130hd")
    .option("--images <folder>", "pictures for the self-checking testbench; without them there is none")
    .option("--json", "print JSON", false)
    .action(
      async (
        models: string[],
        options: {
          through: string;
          out: string;
          array: string;
          weightBits: "8" | "9";
          multiplierBits: number;
          activations?: number;
          weights: number;
          memoryPort: number;
          folding: "auto" | "none";
          clock: number;
          technology: string;
          images?: string;
          json: boolean;
        },
      ) => {
        const folder = resolve(options.out);
        const chip = await programModel({
          models,
          through: options.through === NOTHING ? null : options.through,
          folding: { kind: options.folding },
          clock: clockOf(options),
          engine: {
            ...arrayOf(options.array),
            weightBits: options.weightBits === "9" ? 9 : 8,
            multiplierBits: options.multiplierBits,
            ...(options.activations === undefined ? {} : { activationBufferBytes: options.activations }),
            weightBufferBytes: options.weights,
            axiDataBytes: options.memoryPort,
          },
          images: options.images,
        });
        writeChip(chip, folder);
        if (options.json) {
          const tasks = chip.tasks.map(({ name, program: { bytes, externalBytes, layers } }) => ({
            ...{ name, programBytes: bytes.length, externalBytes, layers },
          }));
          process.stdout.write(`${JSON.stringify({ folder, files: chip.files.size, tasks })}\n`);
          return;
        }
        for (const { name, program } of chip.tasks) {
          const { layers, externalBytes, bytes } = program;
          process.stdout.write(`${name}\n`);
          for (const layer of layers)
            process.stdout.write(
              `  ${layer.name.padEnd(28)} ${layer.kind.padEnd(20)} ${`${layer.macs}`.padStart(10)} MACs ${`${layer.tiles}`.padStart(3)} tile(s)\n`,
            );
          process.stdout.write(
            `  program of ${bytes.length} bytes; ${externalBytes.weights} bytes of weights and ${externalBytes.transfers} of activations a frame\n`,
          );
        }
        process.stdout.write(`${chip.files.size} files in ${folder}\n`);
      },
    );
}
