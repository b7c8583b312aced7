import { readFile } from "node:fs/promises";
import { extname } from "node:path";
import sharp, { type Sharp } from "sharp";
import { decodePpm } from "./ppm.js";

/** How an image of any size becomes a square. */
export type ResizeMode =
  /** Scale the short side, then cut the centre. */
  | "crop"
  /** Scale both sides independently. */
  | "squash"
  /** Do not scale: the image must have the size already. */
  | "exact";

/** The target of {@link decodeImage}. */
export type DecodeOptions = {
  /** Side of the result, pixels. */
  readonly side: number;
  readonly resize: ResizeMode;
  /** Under `crop`: length of the short side after scaling, at least `side`; the result is its centre. */
  readonly shortSide: number;
  /** Part of the image to use; default all of it. */
  readonly part?: ImagePart;
};

/** A rectangle, in pixels, or all but so many rows at the bottom. */
export type ImagePart =
  | {
      readonly kind: "region";
      readonly left: number;
      readonly top: number;
      readonly width: number;
      readonly height: number;
    }
  | { readonly kind: "without-bottom"; readonly rows: number };

/** An image whose size is not the one asked for under `resize: "exact"`. */
export class ImageSizeError extends Error {
  override readonly name: string = "ImageSizeError";
}

/** The decoder, for the report. */
export const DECODER: string = `sharp ${sharp.versions["sharp"] ?? ""} (libvips ${sharp.versions["vips"] ?? ""})`;

/** Open a file for decoding; PPM, which libvips does not read here, is decoded by us. */
async function openImage(path: string): Promise<Sharp> {
  const limits = { failOn: "warning", limitInputPixels: 2 ** 28 } as const;
  if (extname(path).toLowerCase() !== ".ppm") return sharp(path, limits).autoOrient();
  const { width, height, bytes } = decodePpm(await readFile(path));
  return sharp(bytes, { ...limits, raw: { width, height, channels: 3 } });
}

/** Cut a part out of an image. */
async function cut(image: Sharp, part: ImagePart): Promise<Sharp> {
  if (part.kind === "region") {
    const { left, top, width, height } = part;
    return image.extract({ left, top, width, height });
  }
  const { autoOrient: size } = await image.metadata();
  if (size.height <= part.rows) throw new Error(`only ${size.height} rows`);
  return image.extract({ left: 0, top: 0, width: size.width, height: size.height - part.rows });
}

/**
 * Decode a JPEG, PNG or PPM file to RGB bytes, side · side · 3, channels last.
 *
 * The EXIF orientation is applied, grey becomes RGB, 16 bits become 8, transparency is dropped as in
 * `Image.convert("RGB")` of Pillow. Scaling is linear with antialiasing (libvips `linear` kernel), without the JPEG
 * decoder's own shrinking. A truncated or damaged file is an error, not a grey area.
 *
 * @throws ImageSizeError under `exact`; Error of the decoder for a file that is no image or damaged
 */
export async function decodeImage(path: string, options: DecodeOptions): Promise<Buffer> {
  const { side, resize, shortSide, part } = options;
  let image = await openImage(path);
  if (part !== undefined) image = await cut(image, part);
  const scaling = { kernel: "linear", fastShrinkOnLoad: false } as const;
  if (resize === "crop") {
    image = image.resize(shortSide, shortSide, { ...scaling, fit: "cover", position: "centre" });
    if (shortSide > side) {
      const margin = (shortSide - side) >> 1;
      image = image.extract({ left: margin, top: margin, width: side, height: side });
    }
  } else if (resize === "squash") {
    image = image.resize(side, side, { ...scaling, fit: "fill" });
  }
  const { data, info } = await image
    .removeAlpha()
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  if (info.width !== side || info.height !== side) {
    throw new ImageSizeError(`${info.width}×${info.height}`);
  }
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
  return data;
}
