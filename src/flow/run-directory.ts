import { accessSync, constants, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson, FixynnError, packageRoot, sha256, writeFileAtomic } from "../core/index.js";

/** What a step left behind. */
export type StepOutcome<T> = {
  readonly value: T;
  /** Seconds that the step took when it ran. */
  readonly seconds: number;
  /** Whether the value comes from an earlier run. */
  readonly reused: boolean;
};

type StepRecord = { readonly key: string; readonly seconds: number; readonly value: unknown };

/** Identify the code that runs, so that results of another version are never reused. */
export function codeVersion(): string {
  const stamp = join(packageRoot, "dist", ".source-sha256");
  if (existsSync(stamp)) return readFileSync(stamp, "utf8");
  return sha256(readFileSync(join(packageRoot, "package.json")));
}

/** Make a file name out of names that users choose: other characters than letters, digits, `_`, `.` and `-` become `-`. */
export function fileNameOf(...parts: readonly string[]): string {
  return parts.map((part) => part.replaceAll(/[^\w.-]+/g, "-")).join("-");
}

/**
 * The folder of a run. Each step leaves `steps/NAME.json` with the hash of all that it depends on; a step whose hash is
 * unchanged is not run again. Files are written whole or not at all, so a killed run resumes behind its last finished step.
 */
export class RunDirectory {
  readonly folder: string;
  readonly #code = codeVersion();
  readonly #steps: { name: string; seconds: number; reused: boolean }[] = [];

  /** @throws FixynnError FX8004 when the folder cannot be made or written */
  constructor(folder: string) {
    this.folder = folder;
    try {
      mkdirSync(join(folder, "steps"), { recursive: true });
      accessSync(folder, constants.W_OK);
      writeFileAtomic(join(folder, "steps", ".writable"), "");
    } catch (cause) {
      throw new FixynnError("FX8004", "cannot write to the run directory", {
        place: folder,
        hint: "choose another with --out DIR",
        cause,
      });
    }
  }

  /** The steps so far, in order. */
  get steps(): readonly { readonly name: string; readonly seconds: number; readonly reused: boolean }[] {
    return this.#steps;
  }

  /** Path of a file in this run. */
  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  /**
   * Return what a step computes, from an earlier run when nothing that it depends on has changed.
   *
   * @param name unique
   * @param dependsOn JSON value with everything that the result depends on, but for the code
   * @param compute gives a JSON value
   * @param files paths within the run that the step writes; when one is gone the step runs again
   */
  async step<T>(
    name: string,
    dependsOn: unknown,
    compute: () => Promise<T> | T,
    files: readonly string[] = [],
  ): Promise<StepOutcome<T>> {
    const file = this.path("steps", `${fileNameOf(name)}.json`);
    const key = sha256(canonicalJson({ code: this.#code, name, dependsOn }));
    const known = readRecord(file);
    if (known?.key === key && files.every((path) => existsSync(this.path(path)))) {
      this.#steps.push({ name, seconds: known.seconds, reused: true });
      return { value: known.value as T, seconds: known.seconds, reused: true };
    }
    const start = performance.now();
    const value = await compute();
    const seconds = (performance.now() - start) / 1000;
    writeFileAtomic(file, JSON.stringify({ key, seconds, value } satisfies StepRecord));
    this.#steps.push({ name, seconds, reused: false });
    return { value: JSON.parse(JSON.stringify(value)) as T, seconds, reused: false };
  }
}

function readRecord(file: string): StepRecord | undefined {
  if (!existsSync(file)) return undefined;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as StepRecord;
  } catch {
    return undefined;
  }
}
