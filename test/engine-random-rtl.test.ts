import { describe, expect, it } from "vitest";
import { buildEngine, STATUS_DONE } from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { createRng, type Rng } from "../src/core/index.js";
import { flatten, lowerDesign } from "../src/sim/index.js";
import { simulateTasks } from "./helpers/engine-simulation.js";
import { isFull } from "./helpers/environment.js";
import type { ArraySize } from "./helpers/random-network.js";
import { LAYER_KINDS, pick } from "./helpers/random-quant-layer.js";
import { type RandomTaskOptions, randomTasks } from "./helpers/random-tasks.js";

const clock = { periodPs: 5000, cells: sky130Cells };
const SMALL: readonly ArraySize[] = [
  [4, 4],
  [8, 4],
  [4, 8],
  [8, 8],
];
const ALL: readonly ArraySize[] = [...SMALL, [16, 16], [8, 16], [16, 4], [32, 16], [64, 32]];
const DRAWN: RandomTaskOptions = { sizes: isFull ? ALL : SMALL, networks: 3, frames: 2, lanes: 2 };
const ENGINES = isFull ? 40 : 6;

/** What was compared. */
type Tally = { networks: number; readonly kinds: Set<string>; readonly inputs: Set<string> };

/** Build one engine, run some networks on it, and compare every layer of every image. */
function prove(rng: Rng, tally: Tally): void {
  const drawn = randomTasks(rng, DRAWN);
  if (drawn === undefined) return;
  const { config, tasks } = drawn;
  const module = flatten(lowerDesign(buildEngine(config, clock).design));
  const hurried = rng.integer(4) === 0;
  const results = simulateTasks(module, config, tasks, {
    memory: { latencyCycles: 1 + rng.integer(60), bytesPerCycle: config.axiDataBytes / pick(rng, 1, 2, 4) },
    ...(hurried ? {} : { pauses: { rng: rng.fork("pauses"), stall: rng.next() * 0.6 } }),
    randomStart: rng.fork("start"),
    maxCycles: 3_000_000,
  });
  for (const [i, { program, images, golden }] of tasks.entries()) {
    const { status, tensor } = results[i]!;
    expect(status).toBe(STATUS_DONE);
    for (const [frame, lanes] of images.entries())
      for (const lane of lanes.keys())
        for (const { name, stored } of program.layers)
          expect(
            [...tensor(frame, lane, stored!)],
            `network ${i}, frame ${frame}, lane ${lane}, ${name}`,
          ).toEqual([...golden(name, frame, lane)]);
    tally.networks++;
    for (const { kind } of program.layers) tally.kinds.add(kind);
  }
  tally.inputs.add(config.input === null ? "memory" : "stream");
}

describe("random networks on random engines, in the netlist simulator", () => {
  it("give the golden executor's bytes of every layer, with pauses, one task after another", () => {
    const tally: Tally = { networks: 0, kinds: new Set(), inputs: new Set() };
    for (let seed = 0; seed < ENGINES; seed++) {
      try {
        prove(createRng(7000 + seed), tally);
      } catch (cause) {
        throw new Error(`seed ${7000 + seed}`, { cause });
      }
    }
    expect([...tally.kinds].sort()).toEqual([...LAYER_KINDS].sort());
    expect([...tally.inputs].sort()).toEqual(["memory", "stream"]);
    expect(tally.networks).toBeGreaterThan(2 * ENGINES);
  }, 1_800_000);
});
