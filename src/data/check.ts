import { FixynnError } from "../core/index.js";
import type { Dataset } from "./dataset.js";

/** Show the first few items of a list: `a, b, c and 4 more`. */
export function firstFew(items: readonly string[], shown = 3): string {
  const more = items.length - shown;
  return items.slice(0, shown).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

/**
 * Check the labels of a set: all in range, both parts with images, every class with training images, at least two classes.
 *
 * @param place file or folder, for the error
 * @throws FixynnError FX2003 label out of range, FX2004 a single class, FX2005 a class without training images,
 * FX2014 a split without images
 */
export function checkLabels(
  set: {
    readonly classes: readonly string[];
    readonly train: { readonly labels: Uint16Array };
    readonly test: { readonly labels: Uint16Array };
  },
  place: string,
): void {
  const { classes, train, test } = set;
  for (const [name, { labels }] of [
    ["train", train],
    ["test", test],
  ] as const) {
    if (labels.length === 0) {
      throw new FixynnError("FX2014", `no ${name} images`, {
        place,
        hint: "give both training and test images",
      });
    }
    const wrong = labels.findIndex((label) => label >= classes.length);
    if (wrong >= 0) {
      throw new FixynnError(
        "FX2003",
        `label ${labels[wrong]} of ${name} image ${wrong} is not below ${classes.length}`,
        { place, hint: `the set has the classes ${firstFew(classes)}; is this the right layout?` },
      );
    }
  }
  const perClass = new Uint32Array(classes.length);
  for (const label of train.labels) perClass[label]!++;
  if (perClass.filter((images) => images > 0).length < 2) {
    throw new FixynnError("FX2004", "all training images are of a single class", {
      place,
      hint: "a classifier needs at least two classes",
    });
  }
  const empty = classes.filter((_, label) => perClass[label] === 0);
  if (empty.length > 0) {
    throw new FixynnError("FX2005", `no training images of class ${firstFew(empty)}`, {
      place,
      hint: "add images or remove the class",
    });
  }
}

/**
 * Check what training needs of any dataset, whatever reader it came from.
 *
 * @param place file or folder, for the error
 * @throws FixynnError FX2008 splits of different image sizes, and those of {@link checkLabels}
 */
export function checkDataset(dataset: Dataset, place: string): Dataset {
  const { train, test } = dataset;
  checkLabels(dataset, place);
  if (train.height !== test.height || train.width !== test.width || train.channels !== test.channels) {
    throw new FixynnError(
      "FX2008",
      `training images are ${train.width}×${train.height}×${train.channels}, test images ${test.width}×${test.height}×${test.channels}`,
      { place, hint: "both must have the same size" },
    );
  }
  return dataset;
}
