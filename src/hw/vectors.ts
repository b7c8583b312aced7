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
