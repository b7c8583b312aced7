import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "../core/index.js";
import { type TensorJson, tensor, tensorFromJson, tensorToJson } from "../tensor/index.js";
import type { TrainingState } from "./state.js";

/** What one epoch did. */
export type EpochRecord = {
  readonly epoch: number;
  /** Mean over the steps. */
  readonly loss: number;
  /** Share of the (augmented) training images classified right on the way. */
  readonly trainAccuracy: number;
  readonly validationAccuracy?: number;
  readonly seconds: number;
};

/** A training stopped after a whole number of epochs. */
export type Checkpoint = {
  readonly epoch: number;
  readonly history: readonly EpochRecord[];
  readonly state: TrainingState;
  /** The epoch with the best validation accuracy so far; absent without validation. */
  readonly best?: BestEpoch;
};

/** A state worth going back to. */
export type BestEpoch = {
  readonly epoch: number;
  readonly validationAccuracy: number;
  readonly state: TrainingState;
};

const FORMAT = "fixynn-checkpoint-2";
const ROLES = ["parameters", "velocity", "statistics"] as const;

const stateToJson = (state: TrainingState): Record<string, unknown> =>
  Object.fromEntries(
    ROLES.map((role) => [role, tensorToJson(tensor("float32", [state[role].length], state[role]))]),
  );

function stateFromJson(
  json: Record<(typeof ROLES)[number], TensorJson & { readonly dtype: "float32" }>,
): TrainingState {
  const read = (role: (typeof ROLES)[number]): Float32Array => tensorFromJson<"float32">(json[role]).data;
  return { parameters: read("parameters"), velocity: read("velocity"), statistics: read("statistics") };
}

/** Write a checkpoint atomically. `key` names everything that the training depends on. */
export function writeCheckpoint(path: string, key: string, checkpoint: Checkpoint): void {
  const { epoch, history, best } = checkpoint;
  const state = stateToJson(checkpoint.state);
  const bestJson = best && { ...best, state: stateToJson(best.state) };
  writeFileAtomic(path, JSON.stringify({ format: FORMAT, key, epoch, history, state, best: bestJson }));
}

/**
 * Read a checkpoint.
 *
 * @returns undefined when there is none, or when it belongs to another training (other key), or is damaged: the training
 *   then starts at its beginning
 */
export function readCheckpoint(path: string, key: string): Checkpoint | undefined {
  if (!existsSync(path)) return undefined;
  try {
    const json = JSON.parse(readFileSync(path, "utf8"));
    if (json.format !== FORMAT || json.key !== key) return undefined;
    const { epoch, history, best } = json;
    return {
      ...{ epoch, history, state: stateFromJson(json.state) },
      ...(best && { best: { ...best, state: stateFromJson(best.state) } }),
    };
  } catch {
    return undefined;
  }
}
