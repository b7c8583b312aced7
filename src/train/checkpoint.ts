import { existsSync, readFileSync } from "node:fs";
import { writeFileAtomic } from "../core/index.js";
import { tensor, tensorFromJson, tensorToJson } from "../tensor/index.js";
import type { TrainingState } from "./session.js";

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
};

const FORMAT = "fixynn-checkpoint-1";
const ROLES = ["parameters", "velocity", "statistics"] as const;

/** Write a checkpoint atomically. `key` names everything that the training depends on. */
export function writeCheckpoint(path: string, key: string, checkpoint: Checkpoint): void {
  const state = Object.fromEntries(
    ROLES.map((role) => {
      const data = checkpoint.state[role];
      return [role, tensorToJson(tensor("float32", [data.length], data))];
    }),
  );
  const { epoch, history } = checkpoint;
  writeFileAtomic(path, JSON.stringify({ format: FORMAT, key, epoch, history, state }));
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
    const read = (role: (typeof ROLES)[number]): Float32Array =>
      tensorFromJson<"float32">(json.state[role]).data;
    const state = {
      parameters: read("parameters"),
      velocity: read("velocity"),
      statistics: read("statistics"),
    };
    return { epoch: json.epoch, history: json.history, state };
  } catch {
    return undefined;
  }
}
