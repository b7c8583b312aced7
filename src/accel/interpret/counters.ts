/** What a layer did. */
export type LayerCounters = {
  /** Passes of the array. */
  readonly passes: number;
  /** Fetches, a cycle each. */
  readonly fetches: number;
  /** Output pixels of kPar channels. */
  readonly outputs: number;
  /** Products that went into sums, kPar · cPar for each output of a pass. */
  readonly macs: number;
  /** Those whose weight is not 0. */
  readonly nonzeroMacs: number;
};

/** Bytes that went over the memory port, by what they were. */
export type ExternalBytes = {
  /** Header and descriptors. */
  readonly descriptors: number;
  /** Entries of the weight list. */
  readonly weightList: number;
  /** Runs of the weight image. */
  readonly weights: number;
  readonly loads: number;
  readonly stores: number;
};

/** A layer of a frame with its counters. */
export type LayerRecord = LayerCounters & { readonly frame: number; readonly descriptor: number };

/** Sum up some layers. */
export function sumCounters(layers: readonly LayerCounters[]): LayerCounters {
  const sum = (name: keyof LayerCounters): number => layers.reduce((total, layer) => total + layer[name], 0);
  return {
    passes: sum("passes"),
    fetches: sum("fetches"),
    outputs: sum("outputs"),
    macs: sum("macs"),
    nonzeroMacs: sum("nonzeroMacs"),
  };
}
