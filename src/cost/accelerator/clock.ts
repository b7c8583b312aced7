import { buildEngine, type EngineConfig, engineConfig } from "../../accel/index.js";
import type { ClockTarget } from "../../arith/index.js";
import { NetlistTiming } from "../../hw/index.js";
import { cellTableOf } from "../cell-table.js";
import type { Technology } from "../technology.js";

/** What the generator plans an engine for, and what it reaches. */
export type EngineClock = {
  /** Target that pipelines and adders are chosen by. */
  readonly target: ClockTarget;
  /** Longest path with the technology's memories, from clock edge to clock edge. */
  readonly periodPs: number;
};

/** Engines whose paths decide: lanes of the smallest, the usual and the largest size; the lanes' number hardly matters. */
const judges: readonly EngineConfig[] = [
  engineConfig({ cPar: 4, kPar: 4 }),
  engineConfig({ cPar: 16, kPar: 16 }),
  engineConfig({ cPar: 64, kPar: 4 }),
];

/** Targets are multiples of this. */
const STEP_PS = 100;
/** Full adders in a row that the shortest target leaves time for. */
const LEAST_ADDERS = 4;

function longestPs(config: EngineConfig, clock: ClockTarget, memoryAccessPs?: number): number {
  const options = memoryAccessPs === undefined ? {} : { memoryAccessPs };
  return new NetlistTiming(buildEngine(config, clock).design, clock, options).longest(1)[0]?.ps ?? 0;
}

/**
 * Find the shortest target (a multiple of 100 ps) that the generated engine meets in a technology, by the word-level timing of its netlist with memories that
 * answer after half the period; and its longest path with the memories that the technology has. sky130's target is the 5 ns of the RTL that `fixynn program` writes.
 */
export function engineClock(technology: Technology): EngineClock {
  const cells = cellTableOf(technology);
  const { register, fullAdder } = cells;
  const least = register.clockToOutputPs + register.setupPs + LEAST_ADDERS * fullAdder.sumPs;
  for (let periodPs = STEP_PS * Math.ceil(least / STEP_PS); ; periodPs += STEP_PS) {
    const target = { periodPs, cells };
    if (judges.some((config) => longestPs(config, target) > periodPs)) continue;
    const accessPs = Math.max(technology.sram.minimumPeriodPs, periodPs / 2);
    const withMemories = judges.map((config) => longestPs(config, target, accessPs));
    return { target, periodPs: Math.max(periodPs, ...withMemories) };
  }
}
