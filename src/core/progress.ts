/** One step of a long job, for a progress bar or a log line. */
export type ProgressEvent = {
  /** Stable name of the job, e.g. `fetch cifar10` or `train tail conv_pw_3`. */
  readonly job: string;
  readonly done: number;
  readonly total: number;
  /** Unit of `done` and `total`: `bytes`, `images`, `steps`, … */
  readonly unit: string;
  /** Extra text, e.g. the loss. */
  readonly note?: string;
};

/** Receives progress; the library itself never prints. */
export type ProgressListener = (event: ProgressEvent) => void;

/** Ignore progress. */
export const silent: ProgressListener = () => {};
