export type { QuantType, QuantValues } from "../quant/index.js";

/**
 * Write integers as `$readmemh` lines, one beat of `channels` integers a line, the first integer lowest.
 *
 * @param bits bits of an integer, two's complement when negative
 */
export function toHexBeats(values: ArrayLike<number>, channels: number, bits: number): string {
  const lines: string[] = [];
  const digits = Math.ceil((channels * bits) / 4);
  const whole = bits % 4 === 0;
  for (let first = 0; first < values.length; first += channels) {
    let line = "";
    if (whole) {
      const mask = 2 ** bits - 1;
      for (let c = 0; c < channels; c++) {
        const value = bits < 32 ? values[first + c]! & mask : values[first + c]! >>> 0;
        line = value.toString(16).padStart(bits / 4, "0") + line;
      }
    } else {
      let word = 0n;
      for (let c = channels - 1; c >= 0; c--)
        word = (word << BigInt(bits)) | BigInt.asUintN(bits, BigInt(values[first + c]!));
      line = word.toString(16).padStart(digits, "0");
    }
    lines.push(line);
  }
  return `${lines.join("\n")}\n`;
}

/** Read back what {@link toHexBeats} wrote, as integers without sign; bits of an integer up to 31. */
export function fromHexBeats(text: string, channels: number, bits: number): Int32Array {
  const lines = text.split("\n").filter((line) => line !== "");
  const values = new Int32Array(lines.length * channels);
  for (const [beat, line] of lines.entries()) {
    let word = BigInt(`0x${line}`);
    for (let c = 0; c < channels; c++) {
      values[beat * channels + c] = Number(BigInt.asUintN(bits, word));
      word >>= BigInt(bits);
    }
  }
  return values;
}
