import sharp from "sharp";

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
};

/** An image whose size is not the one asked for under `resize: "exact"`. */
export class ImageSizeError extends Error {
  override readonly name: string = "ImageSizeError";
}

/** The decoder, for the report. */
export const DECODER: string = `sharp ${sharp.versions["sharp"] ?? ""} (libvips ${sharp.versions["vips"] ?? ""})`;

/**
 * Decode a JPEG or PNG file to RGB bytes, side · side · 3, channels last.
 *
 * The EXIF orientation is applied, grey becomes RGB, 16 bits become 8, transparency is dropped as in
 * `Image.convert("RGB")` of Pillow. Scaling is linear with antialiasing (libvips `linear` kernel), without the JPEG
 * decoder's own shrinking. A truncated or damaged file is an error, not a grey area.
 *
 * @throws ImageSizeError under `exact`; Error of the decoder for a file that is no image or damaged
 */
export async function decodeImage(path: string, options: DecodeOptions): Promise<Buffer> {
  const { side, resize, shortSide } = options;
  let image = sharp(path, { failOn: "warning", limitInputPixels: 2 ** 28 }).autoOrient();
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
