import { describe, expect, it } from "vitest";
import { buildEngine, ENGINE_MODULE } from "../src/accel/index.js";
import { sky130Cells } from "../src/arith/index.js";
import { createRng } from "../src/core/index.js";
import { SHORT_RUNS } from "../src/sim/index.js";
import { buildTestbench, judgedTestbench, RANDOM_START } from "./helpers/engine-verilator.js";
import { requireFull, requireTool } from "./helpers/environment.js";
import type { ArraySize } from "./helpers/random-network.js";
import { randomTasks } from "./helpers/random-tasks.js";

const clock = { periodPs: 5000, cells: sky130Cells };
/** An engine each, on which networks run one after another, two frames each. */
const CASES: readonly { readonly seed: number; readonly size: ArraySize }[] = [
  { seed: 8000, size: [4, 4] },
  { seed: 8002, size: [4, 8] },
  { seed: 8003, size: [8, 8] },
  { seed: 8005, size: [16, 16] },
];
/** Multipliers up to which the runs together take less than better C++ takes to compile. */
const MOST_SHORT = 64;
/** From no pause to seldom a move, and memories from fast to slow. */
const RUNS = [
  ["+stall=0", "+latency=1"],
  ["+stall=0", "+latency=300"],
  ["+stall=0", "+latency=40", "+bandwidth=64"],
  ["+stall=25", "+seed=1"],
  ["+stall=50", "+seed=2", "+latency=3"],
  ["+stall=80", "+seed=3", "+jitter=200"],
  ["+stall=30", "+seed=4", "+ready_after_valid=31"],
];

describe("random networks on random engines, in Verilator", () => {
  for (const { seed, size } of CASES)
    it(`${size.join("×")} gives the golden executor's bytes of every layer under any pauses`, async (context) => {
      requireFull(context);
      requireTool(context, "verilator");
      const drawn = randomTasks(createRng(seed), { sizes: [size], networks: 6, frames: 2, lanes: 1 });
      if (drawn === undefined) throw new Error(`seed ${seed} draws nothing that fits`);
      const { config, tasks } = drawn;
      const judged = tasks.map(({ program, images, golden }) => ({
        program,
        images: images.map(([image]) => image!),
        judge: (name: Parameters<typeof golden>[0], frame: number) => golden(name, frame, 0),
      }));
      const { testbench } = judgedTestbench(ENGINE_MODULE, config, judged);
      const flags = config.cPar * config.kPar > MOST_SHORT ? [] : SHORT_RUNS;
      const build = await buildTestbench(buildEngine(config, clock).design, testbench, flags);
      const say = (text: string): void => void process.stderr.write(`${size.join("×")}: ${text}\n`);
      say(`built in ${build.buildSeconds.toFixed(0)} s`);
      try {
        for (const plusargs of RUNS) {
          const { passed, output, runSeconds } = await build.run([...plusargs, RANDOM_START]);
          say(
            `${plusargs.join(" ")}: ${output.match(/^PASS.*/m)?.[0] ?? "FAIL"}, ${runSeconds.toFixed(0)} s`,
          );
          expect(passed, output).toBe(true);
        }
      } finally {
        build.dispose();
      }
    }, 900_000);
});
