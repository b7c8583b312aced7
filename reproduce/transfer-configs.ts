import { readdirSync } from "node:fs";
import { join } from "node:path";
import { FixynnError } from "../src/core/index.js";
import type { ConfigInput } from "../src/flow/index.js";

/** A sweep of the page. */
export type TransferSweep = {
  readonly name: string;
  readonly title: string;
  readonly config: ConfigInput;
};

/** One of the paper's tasks: where its data is, and what differs in its training. */
type TransferTask = {
  readonly dataset: NonNullable<ConfigInput["datasets"]>[number];
  readonly training: NonNullable<ConfigInput["perDataset"]>[string];
};

/** Input side of all networks, pixels. */
const SIDE = 128;
/** Keras's MobileNet reads byte / 127.5 − 1. */
const KERAS_ENCODING = { scale: 1 / 127.5, offset: -1 };
const BLOCKS = [1, 3, 5, 7, 9, 11, 13] as const;

/** The six tasks of the paper (Whatmough 2019); paths start at the folder of the runs. Epochs by the number of images and the time there is. */
export const TRANSFER_TASKS: Readonly<Record<string, TransferTask>> = {
  cifar10: { dataset: { name: "cifar10" }, training: { epochs: 6 } },
  cifar100: {
    dataset: { kind: "cifar100", path: "data/cifar-100-binary", name: "cifar100" },
    training: { epochs: 8 },
  },
  gtsrb32: {
    dataset: { kind: "gtsrb32", path: "data/gtsrb-32", name: "gtsrb32" },
    // A mirrored sign may be another sign.
    training: { epochs: 12, flip: false },
  },
  flowers89: {
    dataset: { kind: "folder", path: "data/flowers89", name: "flowers89" },
    training: { epochs: 40, seeds: 2 },
  },
  svhn: { dataset: { name: "svhn" }, training: { epochs: 6, flip: false } },
  aircraft: { dataset: { name: "aircraft" }, training: { epochs: 40 } },
};

/** The one file of a folder with an ending. */
function fileIn(folder: string, ending: string): string {
  const name = readdirSync(folder).find((one) => one.endsWith(ending));
  if (name === undefined) {
    throw new FixynnError("FX9002", `no ${ending} file`, { place: folder, hint: "set FIXYNN_SHARED" });
  }
  return join(folder, name);
}

/** The smallest form that still walks the whole path. */
const QUICK = {
  training: {
    ...{ images: 600, epochs: 1, views: 2 },
    search: { trials: 3, share: 0.5 },
  },
  evaluation: { int8Images: 500 },
} as const;

/** Two thirds of the epochs: the second sweep is a check of the first. */
function shortened(config: ConfigInput): ConfigInput {
  const perDataset = Object.entries(config.perDataset ?? {}).map(([name, training]) => {
    const { epochs = 1 } = training;
    return [name, { ...training, epochs: Math.max(1, Math.round((2 / 3) * epochs)) }] as const;
  });
  return { ...config, perDataset: Object.fromEntries(perDataset) };
}

/**
 * Return the sweeps of the page: the float ImageNet backbone on every task, Google's quantized one as the exact front on two.
 *
 * @param options.available names of {@link TRANSFER_TASKS} whose data is here
 */
export function transferSweeps(options: {
  readonly shared: string;
  readonly available: readonly string[];
  readonly quick: boolean;
}): readonly TransferSweep[] {
  const { shared, available, quick } = options;
  const side = quick ? 64 : SIDE;
  const blocks = quick ? [7, 13] : BLOCKS;
  const models = join(shared, "models");
  const configOf = (
    names: readonly string[],
    model: NonNullable<ConfigInput["model"]>,
    layer: (block: number) => string,
  ): ConfigInput => ({
    model: { ...model, inputSide: side },
    datasets: names.map((name) => TRANSFER_TASKS[name]!.dataset),
    freezePoints: blocks.map(layer),
    training: { search: { trials: 4, share: 0.06 } },
    perDataset: Object.fromEntries(
      names.map((name) => [
        name,
        quick ? { ...TRANSFER_TASKS[name]!.training, epochs: 1, seeds: 1 } : TRANSFER_TASKS[name]!.training,
      ]),
    ),
    ...(quick && QUICK),
  });
  return [
    {
      name: "float",
      title: "MobileNetV1-0.25 (ImageNet, float), quantized by fixynn",
      config: configOf(
        quick ? available.filter((name) => name === "cifar10" || name === "flowers89") : available,
        { path: fileIn(join(models, "mobilenet_v1_025_224_keras"), ".h5"), encoding: KERAS_ENCODING },
        (block) => `conv_pw_${block}`,
      ),
    },
    {
      name: "quantized",
      title: "Google's quantized MobileNetV1-0.25 as the exact front",
      config: shortened(
        configOf(
          available.filter((name) => name === "cifar10" || (name === "gtsrb32" && !quick)),
          { path: fileIn(join(models, "mobilenet_v1_025_224_quant"), ".tflite") },
          (block) => `Conv2d_${block}_pointwise`,
        ),
      ),
    },
  ];
}
