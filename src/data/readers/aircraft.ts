import { existsSync } from "node:fs";
import { join } from "node:path";
import { FixynnError } from "../../core/index.js";
import { findFolder, readNames } from "./file.js";
import type { ListedImages, Listing } from "./listing.js";

/** How finely FGVC-Aircraft is classified: variants (Boeing 737-700), families (Boeing 737) or manufacturers (Boeing). */
export type AircraftLabels = "variant" | "family" | "manufacturer";

const CLASS_FILES: Readonly<Record<AircraftLabels, string>> = {
  variant: "variants.txt",
  family: "families.txt",
  manufacturer: "manufacturers.txt",
};
const HINT =
  "the folder must hold fgvc-aircraft-2013b/data with images/ and the lists images_variant_train.txt, …";

/** Rows of the copyright banner at the bottom of each image (Maji et al. 2013). */
const BANNER_ROWS = 20;

/**
 * List FGVC-Aircraft in its official layout (Maji et al. 2013): data/images/NNNNNNN.jpg and lists `NUMBER CLASS` for each part.
 * The copyright banner at the bottom of each image is cut off. Trained on the official training and validation images.
 *
 * @param root holds fgvc-aircraft-2013b/ or data/, or is one of them
 * @throws FixynnError FX2001 missing file, FX2003 a class that is not in the list of classes, FX2010 a damaged list
 */
export async function listAircraft(root: string, labels: AircraftLabels = "variant"): Promise<Listing> {
  const classFile = CLASS_FILES[labels];
  const folder = findFolder(root, ["data", "fgvc-aircraft-2013b/data"], classFile);
  const classes = (await readNames(join(folder, classFile), HINT)).map((name) => name.trim());
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const listed = async (...parts: string[]): Promise<ListedImages> => {
    const files: { readonly path: string; readonly part: { kind: "without-bottom"; rows: number } }[] = [];
    const numbers: number[] = [];
    for (const name of parts) {
      const path = join(folder, `images_${labels}_${name}.txt`);
      for (const [i, line] of (await readNames(path, HINT)).entries()) {
        const [, image, className = ""] = /^(\d+) (.+?)\s*$/.exec(line) ?? [];
        const place = `${path}:${i + 1}`;
        if (image === undefined) {
          throw new FixynnError("FX2010", `not "NUMBER CLASS": "${line}"`, { place, hint: HINT });
        }
        const label = labelOf.get(className);
        if (label === undefined) {
          throw new FixynnError("FX2003", `unknown class "${className}"`, {
            place,
            hint: `the classes are those of ${classFile}`,
          });
        }
        files.push({
          path: join(folder, "images", `${image}.jpg`),
          part: { kind: "without-bottom", rows: BANNER_ROWS },
        });
        numbers.push(label);
      }
    }
    return { files, labels: Uint16Array.from(numbers) };
  };
  const train = await listed("train", "val");
  const test = await listed("test");
  const name = labels === "variant" ? "aircraft" : `aircraft-${labels}`;
  const origin = `FGVC-Aircraft (Maji et al. 2013), ${labels} labels, official training and validation images for training, banner cut off; for non-commercial research only`;
  return { name, root: existsSync(folder) ? folder : root, classes, train, test, origin };
}
