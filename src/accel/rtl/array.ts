import type { ClockTarget } from "../../arith/index.js";
import {
  concat,
  connectEnables,
  type Module,
  ModuleBuilder,
  type NetId,
  type Signal,
  sliceOf,
} from "../../hw/index.js";
import type { EngineConfig } from "../config.js";
import { Kit } from "./kit.js";
import { buildLane, sumBitsOf, WINDOW_ROWS } from "./lane.js";
import { tagBitsOf, unpackTag } from "./tag.js";

/**
 * Cycles by which the array's tags come before their sums: so long the accumulators take to fetch the old sum, and the new ones need
 * not wait in registers.
 */
export const TAG_LEAD = 2;

/** The array with its lanes. */
export type ArrayUnit = {
  /** `fxa_lane` and `fxa_array`, the last one. */
  readonly modules: readonly Module[];
  /** Cycles from a fetch's tag and operands to its sums; its tag comes out {@link TAG_LEAD} cycles before them. */
  readonly latencyCycles: number;
};

/**
 * Build `fxa_array`: kPar lanes over one word of operands. Ports: `word`, `column`, `tag_in`, `weight_load`, `weight_lane`,
 * `weight_word` → `sums` (kPar · {@link sumBitsOf} bits), `tag_out`, `shadow_taken`.
 *
 * A lane's registers move only where an output passes: fetches that merely fill a window stop at the partial products.
 */
export function buildArray(config: EngineConfig, clock: ClockTarget): ArrayUnit {
  const { cPar, kPar, weightBits } = config;
  const lane = buildLane(config, clock);
  const b = new ModuleBuilder("fxa_array", [
    `Array of ${kPar} lanes of ${cPar} multipliers.`,
    `Sums come ${lane.stages + 1} cycles after their operands, tags ${TAG_LEAD} cycles before the sums.`,
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "reset, active low");
  const kit = new Kit(b, clock, resetN);
  const word = b.input("word", 8 * cPar, "a pixel's channels");
  const column = b.input("column", 8 * WINDOW_ROWS * kPar, "a byte a lane, four rows");
  const tagIn = b.input("tag_in", tagBitsOf(config), "what the operands are");
  const weightLoad = b.input("weight_load", 1, "a lane's next weights are there");
  const weightLane = b.input("weight_lane", Math.log2(kPar), "whose");
  const weightWord = b.input("weight_word", cPar * weightBits, "a weight a slot");
  const { take, swap, emit, windowed } = unpackTag(tagIn, config);

  const takeWord = kit.and("take_word", take, kit.not("in_channels", windowed));
  const operand = b.register("operand", word, { enable: takeWord, role: "datapath" });
  // Emitting travels as far as the last stage, the tag only as far as the accumulators want it.
  const moving: Signal[] = [];
  for (let stage = 0; stage < lane.stages; stage++)
    moving.push(kit.delayControl(`moving${stage}`, moving[stage - 1] ?? emit, 1));
  const tag = kit.delayControl("tag", tagIn, lane.stages + 1 - TAG_LEAD);

  const sums: Signal[] = [];
  for (let k = 0; k < kPar; k++) {
    const load = kit.and(`load${k}`, weightLoad, kit.equal(`for_lane${k}`, weightLane, k));
    const rows = Array.from({ length: WINDOW_ROWS }, (_, row) => sliceOf(column, 8 * (row * kPar + k), 8));
    const sum: NetId = b.net(`sum${k}`, sumBitsOf(config));
    const inputs = {
      word: operand,
      column: concat(rows),
      take,
      windowed,
      swap,
      load,
      weight_word: weightWord,
    };
    b.add({
      kind: "instance",
      name: `lane${k}`,
      module: lane.module.name,
      inputs: [
        ...Object.entries(inputs).map(([port, signal]) => ({ port, signal })),
        ...connectEnables(lane.module, (stage) => moving[stage]!),
      ],
      outputs: [{ port: "sum", net: sum }],
    });
    sums.push(b.signal(sum));
  }
  b.output("sums", concat(sums));
  b.output("tag_out", tag);
  b.output("shadow_taken", kit.delayControl("swapped", swap, 1));
  return { modules: [lane.module, b.build()], latencyCycles: lane.stages + 1 };
}
