/** One measured figure, perhaps beside a peer's. */
export type BenchRow = {
  readonly name: string;
  readonly metric: string;
  readonly value: number;
  readonly unit: string;
  readonly peer?: { readonly name: string; readonly value: number };
  /** value / peer.value. */
  readonly ratio?: number;
};

/** What a benchmark writes. */
export type BenchTable = {
  readonly bench: string;
  readonly machine: string;
  readonly rows: readonly BenchRow[];
};
