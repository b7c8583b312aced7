import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FixynnError } from "../src/core/index.js";
import { type Dataset, loadDataset } from "../src/data/index.js";
import { sharedPath } from "./photos.js";

/**
 * Read the shared part of CIFAR-100.
 *
 * @param side pixels that the images are scaled to
 * @throws FixynnError FX9002 when the shared images are absent
 */
export async function readCifar100(side: number): Promise<Dataset> {
  const tool = sharedPath("tools", "unpack-data.mjs");
  if (!existsSync(tool)) {
    throw new FixynnError("FX9002", "the benchmark's images are missing", {
      place: tool,
      hint: "set FIXYNN_SHARED to the folder of shared models and images",
    });
  }
  const folder = mkdtempSync(join(tmpdir(), "fixynn-bench-"));
  try {
    execFileSync(process.execPath, [tool, folder], { stdio: "ignore" });
    return await loadDataset({ kind: "cifar100", path: join(folder, "cifar-100-binary") }, { side });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
