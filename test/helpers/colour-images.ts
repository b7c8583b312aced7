import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createRng } from "../../src/core/index.js";
import { makePng } from "./data-files.js";

/**
 * Write `FOLDER/PART/CLASS/*.png` (or `FOLDER/CLASS/*.png`) of two classes that differ in colour, with noise; enough to train on.
 *
 * @param parts images of each class in each part; a part "" is the folder itself
 */
export function makeColourImages(folder: string, parts: Readonly<Record<string, number>>): void {
  const rng = createRng(1);
  for (const [part, count] of Object.entries(parts)) {
    for (const [label, red] of [
      ["red", 190],
      ["blue", 60],
    ] as const) {
      mkdirSync(join(folder, part, label), { recursive: true });
      for (let i = 0; i < count; i++) {
        const png = makePng(24, 24, () => [red + rng.integer(60), rng.integer(256), 250 - red]);
        writeFileSync(join(folder, part, label, `${i}.png`), png);
      }
    }
  }
}
