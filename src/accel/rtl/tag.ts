import type { Signal } from "../../hw/index.js";
import type { EngineConfig } from "../config.js";
import { packRecord, recordBits, unpackRecord } from "./record.js";

/** What travels with a fetch through memory, array and accumulators. Bits are in this order, lowest first. */
export type Tag = {
  /** A fetch is there. */
  readonly take: Signal;
  /** First fetch of a pass: the shadow weights take over. */
  readonly swap: Signal;
  /** The array's sums are an output's. */
  readonly emit: Signal;
  /** First pass of a stripe: sums begin at 0. */
  readonly begin: Signal;
  /** Old sums are multiplied by 256 first. */
  readonly scale: Signal;
  /** The larger sum stays. */
  readonly maximum: Signal;
  /** Bank of sums. */
  readonly bank: Signal;
  /** Last output of the stripe's last pass. */
  readonly last: Signal;
  /** Each lane sees a window of its own. */
  readonly windowed: Signal;
  /** Row of sums. */
  readonly row: Signal;
};

/** Bits of a row number of the accumulators. */
export const rowBitsOf = (config: Pick<EngineConfig, "stripePixels">): number =>
  Math.log2(config.stripePixels);

const tagWidths = (config: Pick<EngineConfig, "stripePixels">): { readonly [Name in keyof Tag]: number } => ({
  ...{ take: 1, swap: 1, emit: 1, begin: 1, scale: 1, maximum: 1, bank: 1, last: 1, windowed: 1 },
  row: rowBitsOf(config),
});

/** Bits of a tag. */
export const tagBitsOf = (config: Pick<EngineConfig, "stripePixels">): number =>
  recordBits(tagWidths(config));

/** Join a tag to a signal. */
export const packTag = (tag: Tag, config: Pick<EngineConfig, "stripePixels">): Signal =>
  packRecord(tagWidths(config), tag);

/** Take a tag apart. */
export const unpackTag = (signal: Signal, config: Pick<EngineConfig, "stripePixels">): Tag =>
  unpackRecord(tagWidths(config), signal);
