import type { Tier } from "./results.js";

/** A figure that others published, shown beside ours. */
export type PublishedFigure = {
  readonly design: string;
  readonly tier: Tier;
  readonly topsPerWatt: number;
  /** Ratio to an all-programmable accelerator of the same area, as the authors state it. */
  readonly gain: string;
  readonly setting: string;
};

/** Name the paper that the figures are from. */
export const paperSource =
  "Whatmough et al., “FixyNN: Efficient Hardware for Mobile Computer Vision via Transfer Learning”, SysML 2019, arXiv 1902.11128, abstract";

/** The figures of the abstract (MobileNetV1 0.25, 224×224, 8 bit, 16 nm; a multiply-accumulate is two operations). */
export const publishedFigures: readonly PublishedFigure[] = [
  {
    design: "FixyNN paper: fully fixed feature extractor",
    tier: "published",
    topsPerWatt: 26.6,
    gain: "4.81×",
    setting: "224×224, 16 nm, 810 MHz",
  },
  {
    design: "FixyNN paper: part frozen, accuracy loss below 1 %",
    tier: "published",
    topsPerWatt: 11.2,
    gain: "nearly 2×",
    setting: "224×224, 16 nm, 810 MHz",
  },
];
