import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { extname, join } from "node:path";
import { z } from "zod";
import type { CellTable, ClockTarget } from "../arith/index.js";
import { FixynnError, type ProgressListener, sha256, writeFileAtomic } from "../core/index.js";
import { decodeImage, defaultCacheFolder } from "../data/index.js";
import { type NodeName, nodeName } from "../graph/index.js";
import {
  compileFrontEnd,
  emitFrontEnd,
  type FrontEnd,
  type FrontFolding,
  type LayerStats,
  MANIFEST_FILE,
  NETWORK_FILE,
  TOP_MODULE,
} from "../hw/index.js";
import { importQuantizedModel } from "../importers/index.js";
import {
  executeQuantNetwork,
  findQuantNode,
  type QuantNetwork,
  quantInput,
  quantNetworkFromJson,
  truncateQuantNetwork,
} from "../quant/index.js";
import { type FrontEndVerdict, verifyFrontEnd } from "../sim/index.js";

/** What {@link freezeModel} is asked for. */
export type FreezeRequest = {
  /** Quantized .tflite or an integer network (.json). */
  readonly model: string;
  /** Last frozen layer. */
  readonly through: string;
  readonly folding: FrontFolding;
  /** Clock that registers are inserted for; default 5 ns in sky130. */
  readonly clock?: ClockTarget | undefined;
  /** Folder of pictures for the testbench's vectors; without it there is no testbench. */
  readonly images?: string | undefined;
};

/** A compiled front and the files it is delivered as. */
export type Deliverable = { readonly front: FrontEnd; readonly files: ReadonlyMap<string, string> };

const VECTOR_IMAGES = 2;

/**
 * Import a quantized network and compile it up to a layer.
 *
 * @throws FixynnError of the importer, FX4001 when there is no such layer, FX5020 to FX5023 when it has no hardware
 */
export async function freezeModel(request: FreezeRequest): Promise<Deliverable> {
  const { model, through, folding, images, clock } = request;
  const whole = importQuantizedModel(model);
  const freezePoint = nodeName(through);
  findQuantNode(whole, freezePoint);
  const network = truncateQuantNetwork(whole, freezePoint);
  if (folding.kind === "given") for (const layer of folding.layers.keys()) findQuantNode(network, layer);
  const front = compileFrontEnd(network, freezePoint, { folding, ...(clock === undefined ? {} : { clock }) });
  if (images === undefined) return { front, files: emitFrontEnd(front) };
  const { bytes, count } = await readPictures(images, network, VECTOR_IMAGES);
  const outputs = executeQuantNetwork(network, bytes, count).get(freezePoint)!;
  return { front, files: emitFrontEnd(front, { vectors: { inputs: bytes, outputs, count } }) };
}

const amount = z.number().nonnegative();
const gate = z.object({ areaUm2: amount, delayPs: amount });
const adder = z.object({ areaUm2: amount, sumPs: amount, carryPs: amount });
const cellTableSchema: z.ZodType<CellTable> = z.object({
  name: z.string(),
  ...{ fullAdder: adder, halfAdder: adder },
  ...{ inverter: gate, nand2: gate, and2: gate, or2: gate, xor2: gate, mux2: gate },
  register: z.object({ areaUm2: amount, clockToOutputPs: amount, setupPs: amount }),
});

const manifestSchema = z.object({
  tool: z.literal("fixynn"),
  freezePoint: z.string(),
  clockPeriodNs: z.number().positive().optional(),
  /** Cells that registers were inserted for. */
  clockCells: cellTableSchema.optional(),
  /** Between two frames, nothing outside pausing. */
  cyclesPerFrame: z.number().positive().optional(),
  layers: z.array(
    z.object({
      layer: z.string(),
      module: z.string(),
      /** Of this version's; what an earlier one wrote lacks the memories. */
      stats: z.custom<LayerStats>().optional(),
    }),
  ),
  files: z.record(z.string(), z.object({ sha256: z.string() })),
});
/** What a deliverable says of itself. */
export type Manifest = z.infer<typeof manifestSchema>;

function readManifest(folder: string): Manifest {
  const place = join(folder, MANIFEST_FILE);
  const refuse = (message: string, cause?: unknown): never => {
    throw new FixynnError("FX7010", message, {
      place,
      hint: 'give a folder that "fixynn freeze" has written',
      cause,
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(place, "utf8"));
  } catch (cause) {
    return refuse("no readable manifest", cause);
  }
  const parsed = manifestSchema.safeParse(json);
  return parsed.success ? parsed.data : refuse(z.prettifyError(parsed.error));
}

/**
 * Write a deliverable into a folder: everything beside it first, then in its place, so that a reader sees all of the old or all
 * of the new files.
 *
 * @throws FixynnError FX7011 when the folder holds something else, FX8001 when it cannot be written
 */
export function writeDeliverable(files: ReadonlyMap<string, string>, folder: string): void {
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    try {
      readManifest(folder);
    } catch (cause) {
      throw new FixynnError("FX7011", "the folder is not empty, and not one of ours", {
        place: folder,
        hint: "choose another folder",
        cause,
      });
    }
  }
  replaceFolder(files, folder);
}

/** Write files beside a folder, then put them in its place: a reader sees all of the old or all of the new ones. */
export function replaceFolder(files: ReadonlyMap<string, string | Uint8Array>, folder: string): void {
  const scratch = `${folder}.${process.pid}.part`;
  try {
    for (const [name, content] of files) writeFileAtomic(join(scratch, name), content);
    rmSync(folder, { recursive: true, force: true });
    renameSync(scratch, folder);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** A deliverable read back from its folder. */
export type ReadDeliverable = {
  readonly manifest: Manifest;
  readonly network: QuantNetwork;
  readonly files: ReadonlyMap<string, string>;
};

/**
 * Read a deliverable and check its files against the manifest's hashes.
 *
 * @throws FixynnError FX7010 for a missing or damaged manifest, FX7012 for a missing or changed file
 */
export function readDeliverable(folder: string): ReadDeliverable {
  const manifest = readManifest(folder);
  const files = new Map<string, string>();
  for (const [name, { sha256: expected }] of Object.entries(manifest.files)) {
    const place = join(folder, name);
    let text: string;
    try {
      text = readFileSync(place, "utf8");
    } catch (cause) {
      throw new FixynnError("FX7012", "a file of the manifest is missing", {
        place,
        hint: "freeze the model again",
        cause,
      });
    }
    if (sha256(text) !== expected) {
      throw new FixynnError("FX7012", "the file has changed since it was written", {
        place,
        hint: "freeze the model again",
      });
    }
    files.set(name, text);
  }
  files.set(MANIFEST_FILE, readFileSync(join(folder, MANIFEST_FILE), "utf8"));
  const network = quantNetworkFromJson(
    JSON.parse(files.get(NETWORK_FILE) ?? "null"),
    join(folder, NETWORK_FILE),
  );
  return { manifest, network, files };
}

/**
 * Decode the first pictures of a folder, in the order of their names: the short side scaled to the network's input, the centre cut out.
 *
 * @throws FixynnError FX7013 when there are none, or the network does not take square RGB pictures
 */
export async function readPictures(
  folder: string,
  network: QuantNetwork,
  most: number,
): Promise<{ readonly bytes: Uint8Array; readonly count: number }> {
  const [height, width, channels] = quantInput(network).output.shape;
  const refuse = (message: string, cause?: unknown): never => {
    throw new FixynnError("FX7013", message, {
      place: folder,
      hint: "give a folder with JPEG or PNG files",
      cause,
    });
  };
  if (height === undefined || height !== width || channels !== 3)
    refuse("the network does not take square RGB pictures");
  let names: readonly string[] = [];
  try {
    names = readdirSync(folder).sort();
  } catch (cause) {
    refuse("cannot read the folder", cause);
  }
  const pictures = names
    .filter((name) => [".jpg", ".jpeg", ".png"].includes(extname(name).toLowerCase()))
    .slice(0, most);
  if (pictures.length === 0) refuse("no pictures");
  const side = height!;
  const bytes = new Uint8Array(pictures.length * side * side * 3);
  for (const [i, name] of pictures.entries()) {
    try {
      bytes.set(
        await decodeImage(join(folder, name), { side, resize: "crop", shortSide: side }),
        i * side * side * 3,
      );
    } catch (cause) {
      refuse(`cannot decode ${name}`, cause);
    }
  }
  return { bytes, count: pictures.length };
}

/** What {@link verifyDeliverable} is asked for. */
export type VerifyRequest = {
  readonly folder: string;
  readonly images: string;
  readonly count: number;
  /** Pictures that also go through the linked top; 0 for none. */
  readonly whole: number;
  readonly threads: number;
  readonly onProgress: ProgressListener;
};

/**
 * Read emitted Verilog back, simulate every layer on pictures, each fed with what the hardware before it gave, and compare every value with
 * the integer network.
 */
export async function verifyDeliverable(request: VerifyRequest): Promise<FrontEndVerdict> {
  const { manifest, network, files } = readDeliverable(request.folder);
  const { bytes, count } = await readPictures(request.images, network, request.count);
  return verifyFrontEnd({
    files,
    network,
    layers: manifest.layers.map(({ layer, module }) => ({ node: layer as NodeName, module })),
    images: bytes,
    count,
    threads: request.threads,
    ...(request.whole > 0 ? { whole: { module: TOP_MODULE, images: request.whole } } : {}),
    cacheFolder: join(defaultCacheFolder(), "simulation"),
    onProgress: request.onProgress,
  });
}
