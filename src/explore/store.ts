import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FixynnError, sha256, writeFileAtomic } from "../core/index.js";

type Entry = { readonly key: string; readonly digest: string; readonly value: unknown };

function isEntry(value: unknown): value is Entry {
  if (typeof value !== "object" || value === null) return false;
  const { key, digest } = value as { readonly key?: unknown; readonly digest?: unknown };
  return typeof key === "string" && typeof digest === "string" && "value" in value;
}

/** Numbers that JSON has not. */
const encode = (_key: string, value: unknown): unknown =>
  value === Number.POSITIVE_INFINITY ? { $number: "Infinity" } : value;
const decode = (_key: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && "$number" in value ? Number.POSITIVE_INFINITY : value;

/**
 * Results on disk, each in a file named by the digest of all that it depends on. Files are written whole or not at all, so what a
 * killed run finished is there for the next. An entry that is torn, altered or of another key counts as absent and is written anew.
 */
export class ResultStore {
  readonly #folder: string;
  /** Entries that were found, that were not, and that were found broken. */
  readonly counts = { found: 0, missing: 0, broken: 0 };
  #isWritable = true;

  constructor(folder: string) {
    this.#folder = folder;
  }

  #file(key: string): string {
    return join(this.#folder, key.slice(0, 2), `${key}.json`);
  }

  /** Return the value of a key, or undefined. */
  get(key: string): unknown {
    let text: string;
    try {
      text = readFileSync(this.#file(key), "utf8");
    } catch {
      this.counts.missing++;
      return undefined;
    }
    try {
      const entry: unknown = JSON.parse(text);
      if (isEntry(entry) && entry.key === key && entry.digest === sha256(JSON.stringify(entry.value))) {
        this.counts.found++;
        return JSON.parse(JSON.stringify(entry.value), decode);
      }
    } catch {
      // Not JSON: broken as well.
    }
    this.counts.broken++;
    return undefined;
  }

  /** Keep a JSON value, which may hold Infinity. A folder that cannot be written costs time in the next run, not this one. */
  put(key: string, value: unknown): void {
    if (!this.#isWritable) return;
    const stored: unknown = JSON.parse(JSON.stringify(value, encode));
    const digest = sha256(JSON.stringify(stored));
    try {
      writeFileAtomic(this.#file(key), JSON.stringify({ key, digest, value: stored } satisfies Entry));
    } catch (error) {
      if (!(error instanceof FixynnError)) throw error;
      this.#isWritable = false;
    }
  }

  /** Whether everything could be kept. */
  get isWritable(): boolean {
    return this.#isWritable;
  }
}
