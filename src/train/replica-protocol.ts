/** An input or output of a program, in memory that threads share. */
export type SharedTensor = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array;
};

/** What a replica's worker gets: an ONNX model and what it reads and writes at every run. */
export type ReplicaProgram = {
  readonly model: Uint8Array;
  readonly inputs: readonly SharedTensor[];
  readonly outputs: readonly SharedTensor[];
};

/** What a replica's worker is told. */
export type ReplicaCommand = "run" | "close";

/** What it answers: ready once, done after each run. */
export type ReplicaMessage =
  | { readonly kind: "ready" }
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly message: string };
