import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { FixynnError, packageRoot, writeFileAtomic } from "../core/index.js";
import { encodeOnnx, floatOnnxModel, type OnnxFileOptions } from "../graph/index.js";
import { importAnyModel } from "../importers/index.js";
import { qdqOnnxModel } from "../quant/index.js";

type ExportOptions = {
  readonly out: string;
  readonly input: "float32" | "uint8";
  readonly weights: "uint8" | "int8";
  readonly batch?: number;
  readonly classes?: string;
  readonly inputSide?: number;
  readonly encoding?: { readonly scale: number; readonly offset: number };
  readonly json: boolean;
};

function readClasses(path: string): readonly string[] {
  try {
    return readFileSync(path, "utf8").trimEnd().split(/\r?\n/);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX1018", `cannot read the class names: ${reason}`, {
      place: path,
      hint: "a text file, one name a line",
      cause,
    });
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError("it must be a positive integer.");
  return value;
}

/** Read `SCALE,OFFSET`. */
function encodingOf(text: string): { readonly scale: number; readonly offset: number } {
  const [scale, offset, ...rest] = text.split(",").map(Number);
  if (
    scale === undefined ||
    offset === undefined ||
    rest.length > 0 ||
    !(scale > 0) ||
    !Number.isFinite(offset)
  )
    throw new InvalidArgumentError("it must be SCALE,OFFSET: real = scale * byte + offset.");
  return { scale, offset };
}

/** `fixynn export`: a network as an ONNX file for other tools. */
export function exportCommand(): Command {
  return new Command("export")
    .description("write a network as ONNX: a float one in floats, a quantized one in QDQ form")
    .argument(
      "<model>",
      "Keras .h5, quantized .tflite, or a graph or integer network written by fixynn (.json)",
    )
    .requiredOption("-o, --out <file>", "the .onnx file to write")
    .addOption(
      new Option("--input <type>", "what is fed: encoded floats, or image bytes")
        .choices(["float32", "uint8"])
        .default("float32"),
    )
    .addOption(
      new Option("--weights <type>", "how 8-bit weights are stored; int8 saturates on some x86 processors")
        .choices(["uint8", "int8"])
        .default("uint8"),
    )
    .option("--batch <n>", "images at once; left out, it stays free", positive)
    .option("--classes <file>", "class names for the metadata, one a line")
    .option("--input-side <pixels>", "input size, where the model leaves it open", positive)
    .option("--encoding <scale,offset>", "how bytes become inputs, where the model does not say", encodingOf)
    .option("--json", "print JSON", false)
    .action(async (file: string, options: ExportOptions) => {
      const { inputSide, encoding } = options;
      const model = await importAnyModel(file, {
        ...(inputSide === undefined ? {} : { inputSide }),
        ...(encoding === undefined ? {} : { encoding }),
      });
      if (model.kind === "quantNetwork" && inputSide !== undefined) {
        throw new FixynnError("FX1007", "the input size of a quantized network is fixed", {
          place: file,
          hint: "leave out --input-side",
        });
      }
      const manifest = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as {
        version: string;
      };
      const common: OnnxFileOptions = {
        inputDType: options.input,
        producerVersion: manifest.version,
        ...(options.batch === undefined ? {} : { batch: options.batch }),
        ...(options.classes === undefined ? {} : { classNames: readClasses(options.classes) }),
      };
      const onnx =
        model.kind === "graph"
          ? floatOnnxModel(model, common)
          : qdqOnnxModel(model, { ...common, weights: options.weights });
      const bytes = encodeOnnx(onnx);
      const out = resolve(options.out);
      writeFileAtomic(out, bytes);
      const form = model.kind === "graph" ? "float" : "QDQ";
      const [input, output] = [onnx.inputs[0]!, onnx.outputs[0]!];
      if (options.json) {
        const ports = { input: { ...input, doc: undefined }, output };
        process.stdout.write(
          `${JSON.stringify({ file: out, form, bytes: bytes.length, nodes: onnx.nodes.length, opset: onnx.opset ?? 17, ...ports })}\n`,
        );
        return;
      }
      const port = ({ name, dtype, shape }: typeof input): string => `${name} ${dtype}[${shape.join("x")}]`;
      process.stdout.write(
        `${out}: ${form} ONNX, ${onnx.nodes.length} nodes, ${bytes.length} bytes\n  ${port(input)} -> ${port(output)}\n  ${input.doc}\n`,
      );
    });
}
