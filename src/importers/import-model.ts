import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { FixynnError } from "../core/index.js";
import { type Graph, graphFromJson, verifyGraph } from "../graph/index.js";
import { QUANT_SCHEMA, type QuantNetwork, quantNetworkFromJson } from "../quant/index.js";
import { importKeras, type KerasImportOptions } from "./keras/import-keras.js";
import { importTfliteFile } from "./tflite/import-tflite.js";

/** How to import a model of any format. */
export type ImportOptions = KerasImportOptions;

/** Formats that a file turns out to have by its first bytes. */
type Format = "hdf5" | "zip" | "json" | "tflite" | "unknown";

/** HDF5 format specification, "Format Signature"; an HDF5 file may have a user block of 512·2^n bytes before it. */
const HDF5_SIGNATURE = Buffer.from([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a]);

function detectFormat(head: Buffer): Format {
  for (const at of [0, 512, 1024, 2048]) {
    if (head.subarray(at, at + 8).equals(HDF5_SIGNATURE)) return "hdf5";
  }
  if (head.subarray(0, 4).equals(Buffer.from("PK\u0003\u0004"))) return "zip";
  if (head.subarray(4, 8).toString("latin1") === "TFL3") return "tflite";
  if (/^\s*\{/.test(head.toString("latin1"))) return "json";
  return "unknown";
}

function readHead(path: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, "r");
    const head = Buffer.alloc(4096);
    return head.subarray(0, readSync(file, head, 0, head.length, 0));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FixynnError("FX1001", `cannot read the model: ${reason}`, {
      place: path,
      hint: "check the path and its permissions",
      cause,
    });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new FixynnError("FX1013", "not valid JSON", {
      place: path,
      hint: "the file is damaged or truncated; write it again",
      cause,
    });
  }
}

function importJson(path: string, options: ImportOptions): Graph {
  if (options.inputSide !== undefined) {
    throw new FixynnError("FX1007", "the input size of a graph file is fixed", {
      place: path,
      hint: "leave out inputSide",
    });
  }
  const graph = graphFromJson(readJson(path), path);
  return options.encoding === undefined ? graph : verifyGraph({ ...graph, encoding: options.encoding });
}

const SUPPORTED = "supported: Keras HDF5 (.h5, .keras of Keras 2) and fixynn graphs (.json)";

/**
 * Import a trained network. The format is told by the file's content, not by its name: a Keras HDF5 file or one of our
 * own graph files.
 *
 * @throws FixynnError FX1001 when the file cannot be read or has another format; as `importKeras` and `graphFromJson`
 */
export async function importModel(path: string, options: ImportOptions = {}): Promise<Graph> {
  const head = readHead(path);
  const format = detectFormat(head);
  switch (format) {
    case "hdf5":
      return importKeras(path, options);
    case "json":
      return importJson(path, options);
    case "zip":
      throw new FixynnError("FX1001", "a zip archive, perhaps a .keras file of Keras 3", {
        place: path,
        hint: `save it with model.save("model.h5"); ${SUPPORTED}`,
      });
    case "tflite":
      throw new FixynnError(
        "FX1001",
        "a quantized TensorFlow Lite model is an integer network, not a float one",
        {
          place: path,
          hint: `freeze it with "fixynn freeze"; float networks: ${SUPPORTED}`,
        },
      );
    case "unknown": {
      const named = /\.(h5|hdf5|keras)$/i.test(path);
      throw new FixynnError(
        named ? "FX1002" : "FX1001",
        head.length === 0 ? "the file is empty" : named ? "not a readable HDF5 file" : "unknown model format",
        { place: path, hint: named ? "the file is damaged; copy or download it again" : SUPPORTED },
      );
    }
  }
}

/**
 * Import a network of any kind: float (as {@link importModel}) or integer (as {@link importQuantizedModel}); `kind` tells which it is.
 *
 * @throws FixynnError as those; FX1007 when an encoding is given for an integer network, which has its own
 */
export async function importAnyModel(
  path: string,
  options: ImportOptions = {},
): Promise<Graph | QuantNetwork> {
  const format = detectFormat(readHead(path));
  const isInteger =
    format === "tflite" ||
    (format === "json" && (readJson(path) as { schema?: unknown } | null)?.schema === QUANT_SCHEMA);
  if (!isInteger) return importModel(path, options);
  if (options.encoding !== undefined) {
    throw new FixynnError("FX1007", "a quantized network has its own encoding of images", {
      place: path,
      hint: "leave out encoding",
    });
  }
  return importQuantizedModel(path);
}

/**
 * Import a network that is quantized already: a TensorFlow Lite file of int8 or uint8, or one of our own integer networks (.json).
 *
 * @throws FixynnError FX1001 when the file cannot be read or has another format; as `importTflite` and `quantNetworkFromJson`
 */
export function importQuantizedModel(path: string): QuantNetwork {
  const format = detectFormat(readHead(path));
  if (format === "tflite") return importTfliteFile(path);
  if (format === "json") return quantNetworkFromJson(readJson(path), path);
  throw new FixynnError("FX1001", "not a quantized network", {
    place: path,
    hint: "give a quantized .tflite file or an integer network (.json); quantize float networks first",
  });
}
