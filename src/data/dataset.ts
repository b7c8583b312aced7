/**
 * Labelled images in memory: RGB bytes, row-major, pixel by pixel (NHWC). Backed by a SharedArrayBuffer, so that
 * workers see the same bytes without a copy.
 */
export type Split = {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** count · height · width · channels bytes. */
  readonly pixels: Uint8Array;
  /** Class index of each image. */
  readonly labels: Uint16Array;
  /** Group of each image (a GTSRB track), so that a validation split never cuts a group; absent: every image its own. */
  readonly groups?: Uint32Array;
};

/** A classification task. `test` is touched once, for the final figures. */
export type Dataset = {
  readonly name: string;
  readonly classes: readonly string[];
  readonly train: Split;
  readonly test: Split;
  /** Where the images come from and their terms, for the report. */
  readonly source: string;
};
