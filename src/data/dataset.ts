/**
 * Bytes of many records of one size, one after the other: in memory (over a SharedArrayBuffer, so that workers see them without a
 * copy), or in a file, where they are read when needed.
 */
export type RecordStore =
  | { readonly kind: "memory"; readonly bytes: Uint8Array }
  | {
      readonly kind: "file";
      readonly path: string;
      /** CRC-32 of each record, compared when it is read; absent: not compared. */
      readonly checksums?: Uint32Array;
    };

/**
 * Labelled images: bytes, row-major, pixel by pixel (NHWC). RGB or grey pictures, or the uint8 features that a frozen front
 * computed of them. Plain data, so that it can be sent to a worker.
 */
export type Split = {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /** Records of height · width · channels bytes. */
  readonly store: RecordStore;
  /** Where in the store each image is; absent: in order. */
  readonly positions?: Uint32Array;
  /** Augmented views of each image, which are neighbours in the store: view v of the image at p is record p · views + v. Default 1. */
  readonly views?: number;
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
  /** Images that do not decode and were left out because the user asked for it; absent: none. */
  readonly skipped?: number;
};
