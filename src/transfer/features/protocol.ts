import type { PackedError } from "../../core/index.js";
import type { Augmentation, Split } from "../../data/index.js";
import type { NodeName } from "../../graph/index.js";
import type { QuantNetwork } from "../../quant/index.js";

/** The file of one layer's features. */
export type FeatureFile = {
  readonly layer: NodeName;
  readonly path: string;
  /** Where the CRC-32 of each record goes: 4 bytes a record, little endian. */
  readonly checksumPath: string;
  /** Bytes of one record. */
  readonly bytes: number;
};

/** What an extracting worker is started with. */
export type ExtractSetup = {
  readonly front: QuantNetwork;
  readonly split: Split;
  readonly augmentation: Augmentation;
  readonly views: number;
  readonly seed: number;
  readonly files: readonly FeatureFile[];
};

/** Images `first` to `first + count − 1`, all their views. */
export type ExtractJob = { readonly first: number; readonly count: number };

/** What a worker answers. */
export type ExtractMessage =
  | { readonly kind: "done"; readonly job: ExtractJob }
  | { readonly kind: "failed"; readonly error: PackedError };
