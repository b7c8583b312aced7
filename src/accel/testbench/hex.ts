import { invariant } from "../../core/index.js";

const hexOfByte = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Write bytes as `$readmemh` lines of `perLine` bytes, the first byte lowest; a short last line is filled up with zeros. */
export function bytesToHex(bytes: Uint8Array, perLine: number): string {
  const lines: string[] = [];
  for (let first = 0; first < bytes.length; first += perLine) {
    let line = "";
    for (let i = first + perLine - 1; i >= first; i--) line += hexOfByte[bytes[i] ?? 0]!;
    lines.push(line);
  }
  return `${lines.join("\n")}\n`;
}

/** As {@link bytesToHex}, with a bit a byte above the data that says whether the byte matters; `perLine` is a multiple of four. */
export function maskedHex(bytes: Uint8Array, care: Uint8Array | undefined, perLine: number): string {
  invariant(perLine % 4 === 0 && (care === undefined || care.length === bytes.length), "bytes that matter");
  const lines = bytesToHex(bytes, perLine).trimEnd().split("\n");
  const marked = lines.map((line, at) => {
    let digits = "";
    for (let i = perLine - 4; i >= 0; i -= 4) {
      let digit = 0;
      for (let j = 0; j < 4; j++) {
        const byte = at * perLine + i + j;
        if (byte < bytes.length && (care?.[byte] ?? 1) !== 0) digit |= 1 << j;
      }
      digits += digit.toString(16);
    }
    return digits + line;
  });
  return `${marked.join("\n")}\n`;
}
