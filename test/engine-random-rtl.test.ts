import { describe, expect, it } from "vitest";
import {
  buildEngine,
  compileEngine,
  type EngineConfig,
  type EngineProgram,
  STATUS_DONE,
} from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { createRng, FixynnError, type Rng } from "../src/core/index.js";
import { executeQuantNetwork, type QuantNetwork } from "../src/quant/index.js";
import { flatten, lowerDesign } from "../src/sim/index.js";
import { simulateTasks } from "./helpers/engine-simulation.js";
import { type ArraySize, randomConfig, randomNetwork } from "./helpers/random-network.js";
import { LAYER_KINDS, pick, randomValues } from "./helpers/random-quant-layer.js";

const full = process.env["FIXYNN_FULL"] === "1";
/** Engines that are built; networks run on each one after another, frames of each. */
const [ENGINES, TASKS, FRAMES, LANES] = [full ? 60 : 6, 3, 2, 3];
const SIZES: readonly ArraySize[] = full
  ? [
      [4, 4],
      [8, 8],
      [16, 16],
      [8, 16],
      [16, 4],
      [32, 16],
      [64, 32],
    ]
  : [
      [4, 4],
      [8, 4],
      [4, 8],
      [8, 8],
    ];

type Tally = { networks: number; readonly kinds: Set<string>; readonly configs: EngineConfig[] };

/** Compile a network; `undefined` where it does not fit this engine, which must be said. */
function compiled(network: QuantNetwork, config: EngineConfig): EngineProgram | undefined {
  try {
    return compileEngine({ network, config, keepAll: true });
  } catch (error) {
    if (error instanceof FixynnError && (error.code === "FX5111" || error.code === "FX5113"))
      return undefined;
    throw error;
  }
}

/** Build one engine and run some networks on it, two frames each, with random pauses on all channels. */
function prove(rng: Rng, tally: Tally): void {
  const first = randomNetwork(rng);
  if (first === undefined) return;
  const config = randomConfig(rng, first, SIZES);
  const shape = first.nodes[0]!.output.shape;
  const networks = [first];
  for (let i = 1; i < TASKS; i++) {
    const next = randomNetwork(rng, config.input === null ? undefined : shape);
    if (next !== undefined) networks.push(next);
  }
  const tasks = networks.flatMap((network) => {
    const program = compiled(network, config);
    if (program === undefined) return [];
    const images = Array.from({ length: FRAMES }, () =>
      Array.from({ length: LANES }, () => randomValues(rng, network.nodes[0]!.output)),
    );
    return [{ network, program, images }];
  });
  if (tasks.length === 0) return;
  const started = performance.now();
  const module = flatten(lowerDesign(buildEngine(config, { periodPs: 5000, cells: sky130Cells }).design));
  const built = performance.now();
  if (process.env.SHOW) console.log(config, tasks.map(t=>[t.program.bytes.length, t.program.externalBytes]));
  const results = simulateTasks(module, config, tasks, {
    memory: { latencyCycles: 1 + rng.integer(60), bytesPerCycle: config.axiDataBytes / pick(rng, 1, 2, 4) },
    ...(rng.integer(4) === 0 ? {} : { pauses: { rng: rng.fork("pauses"), stall: rng.next() * 0.6 } }),
    randomStart: rng.fork("start"),
    maxCycles: 3_000_000,
  });
  if (process.env.SHOW)
    console.log(
      config,
      networks.length,
      results.map((r) => r.cycles),
      (built - started) | 0,
      (performance.now() - built) | 0,
    );
  for (const [i, { network, program, images }] of tasks.entries()) {
    const { status, tensor } = results[i]!;
    expect(status).toBe(STATUS_DONE);
    const outputs = program.layers.map(({ name }) => name);
    for (const [frame, lanes] of images.entries())
      for (const [lane, image] of lanes.entries()) {
        const wanted = executeQuantNetwork(network, Uint8Array.from(image), 1, { outputs });
        for (const { name, stored } of program.layers)
          expect(
            [...tensor(frame, lane, stored!)],
            `network ${i}, frame ${frame}, lane ${lane}, ${name}`,
          ).toEqual([...wanted.get(name)!]);
      }
    tally.networks++;
    for (const { kind } of program.layers) tally.kinds.add(kind);
  }
  tally.configs.push(config);
}

describe("random networks on random engines, in the netlist simulator", () => {
  it("gives the golden executor's bytes of every layer, with pauses, one task after another", () => {
    const tally: Tally = { networks: 0, kinds: new Set(), configs: [] };
    for (let seed = Number(process.env.SEED ?? 0); seed < ENGINES; seed++) {
      try {
        prove(createRng(7000 + seed), tally);
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
    }
    expect([...tally.kinds].sort()).toEqual([...LAYER_KINDS].sort());
    const streams = tally.configs.map(({ input }) => input !== null);
    expect(new Set(streams).size).toBe(2);
    expect(tally.networks).toBeGreaterThan(1.5 * ENGINES);
  }, 1_800_000);
});
