/** One figure of each part. */
export type Parts<T> = {
  readonly datapath: T;
  readonly requantization: T;
  readonly registers: T;
  readonly sram: T;
  readonly rom: T;
  readonly control: T;
};

/** Area of a layer or a front, µm² of cells (no placement overhead). */
export type AreaParts = Parts<number> & { readonly total: number };

/** Energy a frame, pJ. `registers` is data transitions; `clock` the flip-flops' clock pins and the clock tree. */
export type EnergyParts = Parts<number> & {
  readonly clock: number;
  readonly leakage: number;
  readonly total: number;
};
