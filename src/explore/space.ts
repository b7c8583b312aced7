import { sky130Cells } from "../arith/index.js";
import { FixynnError } from "../core/index.js";
import type { Technology } from "../cost/index.js";
import { type RequantizationForm, requantizationForms } from "./requantization.js";
import type { ProgrammableKind } from "./tail.js";

/**
 * How layers are folded. `none`: all parallel. `auto`: the least area at so many cycles an input pixel. `keep`: as `auto` at one cycle an input
 * pixel, but layers of at most so many weights stay parallel.
 */
export type FoldingForm =
  | { readonly kind: "none" }
  | { readonly kind: "auto"; readonly cyclesPerInputPixel: number }
  | { readonly kind: "keep"; readonly weights: number };

/** Name a folding: `none`, `auto 4`, `keep 1024`. */
export function foldingName(form: FoldingForm): string {
  switch (form.kind) {
    case "none":
      return "none";
    case "auto":
      return `auto ${form.cyclesPerInputPixel}`;
    case "keep":
      return `keep ${form.weights}`;
  }
}

/**
 * Read a folding: `none`, `auto`, `auto:4`, `keep:1024`.
 *
 * @throws FixynnError FX7092 when it is something else
 */
export function parseFolding(text: string): FoldingForm {
  if (text === "none") return { kind: "none" };
  const [, kind, amount] = /^(auto|keep)(?::([1-9]\d*))?$/.exec(text) ?? [];
  if (kind === "auto") return { kind, cyclesPerInputPixel: Number(amount ?? 1) };
  if (kind === "keep" && amount !== undefined) return { kind, weights: Number(amount) };
  throw new FixynnError("FX7092", "no folding", {
    place: text,
    hint: "none, auto, auto:CYCLES (an input pixel), keep:WEIGHTS (parallel up to so many)",
  });
}

/**
 * Read a requantization.
 *
 * @throws FixynnError FX7092 when there is no such form
 */
export function parseRequantization(text: string): RequantizationForm {
  const form = requantizationForms.find((one) => one === text);
  if (form !== undefined) return form;
  throw new FixynnError("FX7092", "no requantization", {
    place: text,
    hint: `one of ${requantizationForms.join(", ")}`,
  });
}

/** What is explored. */
export type ExploreSpace = {
  /** Layers to cut behind; absent: all that the network can be cut behind. */
  readonly freezePoints?: readonly string[] | undefined;
  readonly foldings: readonly FoldingForm[];
  readonly requantizations: readonly RequantizationForm[];
  /** Clock periods that registers are inserted for, ps in the technology. */
  readonly periodsPs: readonly number[];
  /** Shares of the clock that the cells allow. */
  readonly clockShares: readonly number[];
  readonly programmable: ProgrammableKind;
  /** Areas that programmable accelerators may take, mm² at 16 nm; absent: the model's own list. */
  readonly acceleratorsMm2?: readonly number[] | undefined;
  /** Rates of a camera that designs are also described at. */
  readonly cameraFramesPerSecond: readonly number[];
  /** Fully parallel layers of more weights are not compiled: finding their shared sums takes from seconds to minutes. */
  readonly mostParallelWeights: number;
  /**
   * Whether every folding is combined with every requantization and every period. If not, foldings with fully parallel layers of more
   * than {@link quickWeights} weights are explored as the network is and at the first period only.
   */
  readonly isFull: boolean;
};

/** What `compileFrontEnd` inserts registers for. */
const SKY130_PERIOD_PS = 5000;

/** Layers of so many weights compile in a second or two when parallel. */
export const quickWeights = 1024;

/**
 * What is explored unless told otherwise. Periods: the one that fronts are compiled for (5 ns in sky130), and twice that; in other
 * technologies the same number of full adders.
 */
export function defaultSpace(technology: Technology): ExploreSpace {
  const scale = technology.cells.fullAdder.delayPs / sky130Cells.fullAdder.sumPs;
  const period = Number((SKY130_PERIOD_PS * scale).toPrecision(3));
  return {
    foldings: [
      { kind: "none" },
      { kind: "keep", weights: 4096 },
      { kind: "keep", weights: 1024 },
      { kind: "auto", cyclesPerInputPixel: 1 },
      { kind: "auto", cyclesPerInputPixel: 4 },
    ],
    requantizations: ["own", "shift", "tflite"],
    periodsPs: [period, 2 * period],
    clockShares: [1, 0.5, 0.25],
    programmable: "array",
    cameraFramesPerSecond: [30, 60, 240],
    mostParallelWeights: 10_000,
    isFull: false,
  };
}

/**
 * Check a space.
 *
 * @throws FixynnError FX7092 for an empty list or a figure that cannot be
 */
export function checkSpace(space: ExploreSpace): void {
  const refuse = (place: string, message: string): never => {
    throw new FixynnError("FX7092", message, { place, hint: "see fixynn explore --help" });
  };
  const lists = ["foldings", "requantizations", "periodsPs", "clockShares", "acceleratorsMm2"] as const;
  for (const list of lists) if (space[list]?.length === 0) refuse(list, "nothing to explore");
  for (const list of ["periodsPs", "clockShares", "acceleratorsMm2", "cameraFramesPerSecond"] as const)
    for (const value of space[list] ?? [])
      if (!(value > 0 && Number.isFinite(value))) refuse(list, `${value} is not above zero`);
  for (const share of space.clockShares) if (share > 1) refuse("clockShares", `${share} is above 1`);
}
