import { join } from "node:path";
import { FixynnError } from "../../core/index.js";
import { readTable } from "./csv.js";
import { findFolder } from "./file.js";
import type { ListedImages, Listing } from "./listing.js";
import { findArray, listMat, readMatNumbers } from "./mat.js";

/** The classes of Flowers-102 in label order (the set's files have numbers only; names as in the set's page of categories). */
export const FLOWERS_CLASSES: readonly string[] = [
  "pink primrose",
  "hard-leaved pocket orchid",
  "canterbury bells",
  "sweet pea",
  "english marigold",
  "tiger lily",
  "moon orchid",
  "bird of paradise",
  "monkshood",
  "globe thistle",
  "snapdragon",
  "colt's foot",
  "king protea",
  "spear thistle",
  "yellow iris",
  "globe-flower",
  "purple coneflower",
  "peruvian lily",
  "balloon flower",
  "giant white arum lily",
  "fire lily",
  "pincushion flower",
  "fritillary",
  "red ginger",
  "grape hyacinth",
  "corn poppy",
  "prince of wales feathers",
  "stemless gentian",
  "artichoke",
  "sweet william",
  "carnation",
  "garden phlox",
  "love in the mist",
  "mexican aster",
  "alpine sea holly",
  "ruby-lipped cattleya",
  "cape flower",
  "great masterwort",
  "siam tulip",
  "lenten rose",
  "barbeton daisy",
  "daffodil",
  "sword lily",
  "poinsettia",
  "bolero deep blue",
  "wallflower",
  "marigold",
  "buttercup",
  "oxeye daisy",
  "common dandelion",
  "petunia",
  "wild pansy",
  "primula",
  "sunflower",
  "pelargonium",
  "bishop of llandaff",
  "gaura",
  "geranium",
  "orange dahlia",
  "pink-yellow dahlia",
  "cautleya spicata",
  "japanese anemone",
  "black-eyed susan",
  "silverbush",
  "californian poppy",
  "osteospermum",
  "spring crocus",
  "bearded iris",
  "windflower",
  "tree poppy",
  "gazania",
  "azalea",
  "water lily",
  "rose",
  "thorn apple",
  "morning glory",
  "passion flower",
  "lotus lotus",
  "toad lily",
  "anthurium",
  "frangipani",
  "clematis",
  "hibiscus",
  "columbine",
  "desert-rose",
  "tree mallow",
  "magnolia",
  "cyclamen",
  "watercress",
  "canna lily",
  "hippeastrum",
  "bee balm",
  "ball moss",
  "foxglove",
  "bougainvillea",
  "camellia",
  "mallow",
  "mexican petunia",
  "bromelia",
  "blanket flower",
  "trumpet creeper",
  "blackberry lily",
];

const HINT = "the folder must hold jpg/image_00001.jpg …, imagelabels.mat and setid.mat";

/** Read a variable of whole numbers. */
async function readIntegers(path: string, name: string): Promise<Float64Array> {
  const numbers = await readMatNumbers(findArray(await listMat(path), name, path));
  const wrong = numbers.find((value) => !Number.isInteger(value));
  if (wrong === undefined) return numbers;
  throw new FixynnError("FX2010", `${name} holds ${wrong}`, { place: path, hint: "is this the right file?" });
}

/**
 * List Oxford Flowers-102 in its official layout (Nilsback and Zisserman 2008): jpg/image_NNNNN.jpg, the labels 1 to 102 in
 * imagelabels.mat, the division in setid.mat. Trained on the official training and validation images (`trnid` and
 * `valid`, 2,040), tested on the official test images (`tstid`, 6,149).
 *
 * @param root holds jpg/ and the two .mat files, itself or in `flowers-102/`
 * @throws FixynnError FX2001 missing file, FX2002 truncated file, FX2003 label out of range, FX2010 image numbers without a
 * label, FX2015 not a MATLAB 5 file
 */
export async function listFlowers102(root: string): Promise<Listing> {
  const folder = findFolder(root, ["flowers-102"], "setid.mat");
  const labelPath = join(folder, "imagelabels.mat");
  const setPath = join(folder, "setid.mat");
  const labels = await readIntegers(labelPath, "labels");
  const wrong = labels.findIndex((label) => label < 1 || label > FLOWERS_CLASSES.length);
  if (wrong >= 0) {
    throw new FixynnError("FX2003", `label ${labels[wrong]} of image ${wrong + 1} is not in 1 to 102`, {
      place: labelPath,
      hint: HINT,
    });
  }
  const listed = async (...sets: string[]): Promise<ListedImages> => {
    const numbers: number[] = [];
    for (const set of sets) numbers.push(...(await readIntegers(setPath, set)));
    const unknown = numbers.find((number) => number < 1 || number > labels.length);
    if (unknown !== undefined) {
      throw new FixynnError("FX2010", `image ${unknown} has no label; imagelabels.mat has ${labels.length}`, {
        place: setPath,
        hint: "the two files must belong together",
      });
    }
    return {
      files: numbers.map((number) => ({
        path: join(folder, "jpg", `image_${String(number).padStart(5, "0")}.jpg`),
      })),
      labels: Uint16Array.from(numbers, (number) => labels[number - 1]! - 1),
    };
  };
  const train = await listed("trnid", "valid");
  const test = await listed("tstid");
  const origin =
    "Flowers-102 (Nilsback and Zisserman 2008), official training and validation images for training; no licence stated, research use";
  return { name: "flowers102", root: folder, classes: FLOWERS_CLASSES, train, test, origin };
}

/**
 * List a packed part of Flowers-102: images and a table `file,class_1_to_102,name,official_split`. Trained on the official
 * training and validation images that are there, tested on the test images that are there.
 *
 * @param root holds labels.csv and the images
 * @throws FixynnError FX2001 missing file, FX2010 damaged table
 */
export async function listPackedFlowers(root: string): Promise<Listing> {
  const path = join(root, "labels.csv");
  const columns = ["file", "class_1_to_102", "name", "official_split"];
  const rows = await readTable(path, {
    separator: ",",
    columns,
    hint: "the folder must hold labels.csv and the images",
  });
  const names = new Map<number, string>();
  for (const [i, [file = "", number, name = "", part = ""]] of rows.entries()) {
    const label = Number(number);
    const isKnown = Number.isInteger(label) && label >= 1 && label <= FLOWERS_CLASSES.length;
    if (
      !isKnown ||
      (names.get(label) ?? name) !== name ||
      !/^(train|val|test)$/.test(part) ||
      !/^[\w.-]+$/.test(file)
    ) {
      throw new FixynnError("FX2010", `not an image of a flower: "${rows[i]!.join(",")}"`, {
        place: `${path}:${i + 2}`,
        hint: `the columns are ${columns.join(",")}`,
      });
    }
    names.set(label, name);
  }
  const numbers = [...names.keys()].sort((a, b) => a - b);
  const listed = (isPart: (part: string) => boolean): ListedImages => {
    const chosen = rows.filter((row) => isPart(row[3]!));
    return {
      files: chosen.map(([file = ""]) => ({ path: join(root, file) })),
      labels: Uint16Array.from(chosen, (row) => numbers.indexOf(Number(row[1]))),
    };
  };
  return {
    name: `flowers${numbers.length}`,
    root,
    classes: numbers.map((number) => names.get(number)!),
    train: listed((part) => part !== "test"),
    test: listed((part) => part === "test"),
    origin: `${numbers.length} of 102 classes of Flowers-102 (Nilsback and Zisserman 2008), packed; no licence stated, research use`,
  };
}
