/** Decoded pixels: RGB, row-major, channels last. */
export type RawImage = { readonly width: number; readonly height: number; readonly bytes: Uint8Array };

/** Largest side that is believed. */
const MAXIMUM_SIDE = 2 ** 15;

const isBlank = (byte: number | undefined): boolean => byte === 0x20 || (byte! >= 0x09 && byte! <= 0x0d);

/**
 * Decode a binary PPM image (`P6`, maximum 255), the format of GTSRB (Netpbm, ppm(5)): magic, width, height and maximum as
 * decimal text, `#` comments to the end of a line between them, one blank, then the bytes.
 *
 * @throws Error saying what is wrong
 */
export function decodePpm(file: Uint8Array): RawImage {
  if (file[0] !== 0x50 || file[1] !== 0x36) throw new Error("not a P6 image");
  let at = 2;
  const readNumber = (): number => {
    while (isBlank(file[at]) || file[at] === 0x23) {
      if (file[at] === 0x23) while (at < file.length && file[at] !== 0x0a) at++;
      at++;
    }
    let value = 0;
    const start = at;
    for (; file[at]! >= 0x30 && file[at]! <= 0x39 && at - start < 7; at++)
      value = 10 * value + file[at]! - 0x30;
    if (at === start) throw new Error("damaged header");
    return value;
  };
  const [width, height, maximum] = [readNumber(), readNumber(), readNumber()];
  if (!isBlank(file[at])) throw new Error("damaged header");
  at++;
  if (maximum !== 255) throw new Error(`maximum ${maximum}, not 255`);
  if (width < 1 || height < 1 || width > MAXIMUM_SIDE || height > MAXIMUM_SIDE) {
    throw new Error(`unlikely size ${width}×${height}`);
  }
  const length = 3 * width * height;
  if (file.length - at < length) throw new Error(`truncated: ${file.length - at} of ${length} bytes`);
  return { width, height, bytes: file.subarray(at, at + length) };
}
