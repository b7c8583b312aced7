import { Command, Option } from "commander";
import {
  addDataset,
  DATASET_KINDS,
  getDataset,
  KNOWN_SETS,
  listDatasets,
  removeDataset,
  type SetCounts,
} from "../data/index.js";
import { createProgressPrinter } from "./progress.js";

const describeCounts = ({ classes, train, test }: SetCounts): string =>
  `${classes} classes, ${train} training images, ${test} test images`;

/** Options of `data add` that a kind may have, and the fields of its description that they become. */
type AddOptions = {
  readonly path: string;
  readonly kind?: string;
  readonly resize?: string;
  readonly shortSide?: number;
  readonly undecodable?: string;
  readonly roi?: boolean;
  readonly extra?: boolean;
  readonly labels?: string;
  readonly testFraction?: number;
  readonly seed?: number;
};

function addCommand(data: Command): void {
  data
    .command("add")
    .description("register a local copy of a set, after checking that it reads")
    .argument("<name>", 'name that { "name": … } refers to it by')
    .requiredOption("--path <folder>", "folder of the files")
    .addOption(
      new Option("--kind <kind>", "layout of the files; known names imply it").choices(DATASET_KINDS),
    )
    .option("--resize <how>", "crop, squash or exact (image files)")
    .option("--short-side <pixels>", "under crop: the short side after scaling", Number)
    .option("--undecodable <what>", "error or skip (image files)")
    .option("--roi", "gtsrb: cut out the annotated sign")
    .option("--extra", "svhn: train on extra_32x32.mat as well")
    .option("--labels <level>", "cifar100: fine, coarse; aircraft: variant, family, manufacturer")
    .option("--test-fraction <share>", "folder without train/ and test/: share for testing", Number)
    .option("--seed <number>", "folder without train/ and test/: seed of the division", Number)
    .action(async (name: string, options: AddOptions) => {
      const kind = options.kind ?? KNOWN_SETS[name]?.kind ?? "folder";
      const counts = await addDataset(name, { ...options, kind });
      process.stdout.write(`${name}: ${describeCounts(counts)}\n`);
    });
}

/** `fixynn data`: get, add, list and remove datasets. */
export function dataCommand(): Command {
  const data = new Command("data").description("get, add, list and remove datasets");
  data
    .command("get")
    .description(`download a set from its official address: ${Object.keys(KNOWN_SETS).join(", ")}`)
    .argument("<name>", "name of the set")
    .action(async (name: string) => {
      const progress = createProgressPrinter();
      try {
        const { folder, counts, from, notes } = await getDataset(name, { onProgress: progress });
        progress.end();
        for (const note of notes) process.stdout.write(`${name}: ${note}\n`);
        process.stdout.write(`${name}: ${describeCounts(counts)}; ${from}: ${folder}\n`);
      } finally {
        progress.end();
      }
    });
  addCommand(data);
  data
    .command("list")
    .description("list the known sets and those that were added")
    .action(() => {
      for (const { name, state, kind, counts, where } of listDatasets()) {
        const what = counts === undefined ? "" : `${describeCounts(counts)}; `;
        process.stdout.write(`${name.padEnd(12)} ${state.padEnd(9)} ${kind.padEnd(10)} ${what}${where}\n`);
      }
    });
  data
    .command("remove")
    .description("forget a set and its decoded images; its own files stay")
    .argument("<name>", "name of the set")
    .action((name: string) => {
      const { spec } = removeDataset(name);
      process.stdout.write(`${name}: removed; its files are still in ${spec.path}\n`);
    });
  return data;
}
