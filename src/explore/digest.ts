import { canonicalJson, sha256 } from "../core/index.js";

/** Replace typed arrays by digests of their bytes, and maps by their entries, so that any value of ours has a text of its own. */
function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return [value.constructor.name, value.byteLength, sha256(bytes)];
  }
  if (value instanceof Map) return ["Map", [...value].map(plain)];
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") {
    // Not JSON: they would all become null.
    return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}

/** Digest a value by its content: numbers, texts, arrays, objects, maps and typed arrays. */
export function digestOf(value: unknown): string {
  return sha256(canonicalJson(plain(value)));
}
