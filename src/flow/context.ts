import type { ProgressListener } from "../core/index.js";
import type { Config } from "./config.js";
import type { RunDirectory } from "./run-directory.js";

/** What every step gets. */
export type FlowContext = {
  readonly config: Config;
  /** Folder that relative paths of the configuration start from. */
  readonly baseFolder: string;
  readonly run: RunDirectory;
  readonly onProgress: ProgressListener;
};
