import { describe, expect, it } from "vitest";
import { randomResidual } from "../../../test/helpers/random-front.js";
import { createRng } from "../../core/index.js";
import { frontGraph } from "../front-graph.js";
import { planOfLayer } from "../layer.js";
import { planWindow, type WindowPlan } from "../window-plan.js";
import { coneOf, putAside, sizeJoins, withFifos } from "./joins.js";
import type { LayerTiming } from "./layer-model.js";
import { ScheduleRun, type ScheduleStage, simulateSchedule, steadySchedule } from "./schedule.js";

/** A residual block: stage 0 is read by a 3×3 convolution and by the join, stage 2. */
function block(side: number): readonly ScheduleStage[] {
  const size = { height: side, width: side };
  const square = (kernel: number): WindowPlan => {
    const pad = (kernel - 1) / 2;
    const padding = { top: pad, bottom: pad, left: pad, right: pad };
    const shape = { input: size, output: size, stride: { height: 1, width: 1 } };
    return planWindow({ ...shape, kernel: { height: kernel, width: kernel }, padding }, "test");
  };
  const layer = (kernel: number, fifos: readonly number[]): LayerTiming => ({
    kind: "parallel",
    plan: square(kernel),
    fifos,
    latencyCycles: 3,
  });
  return [
    { timing: layer(1, [0]), sources: [-1] },
    { timing: layer(3, [0]), sources: [0] },
    { timing: layer(1, [0, 0]), sources: [0, 1] },
  ];
}

/** A random graph's control; some layers held for several cycles, so that they are slower or burst. */
function randomStages(seed: number): readonly ScheduleStage[] {
  const rng = createRng(seed);
  const network = randomResidual(rng, { mode: "lean", blocks: 1 + rng.integer(2), tail: true });
  return frontGraph(network, network.output).map(({ node, inputs, sources }) => {
    const plan = planOfLayer(node, inputs[0]!);
    const fifos = sources.map(() => 0);
    const latencyCycles = 1 + rng.integer(9);
    if (sources.length > 1 || rng.integer(2) === 0)
      return { sources, timing: { kind: "parallel", plan, fifos, latencyCycles } };
    const form = { groups: 1 + rng.integer(3), slices: 1 + rng.integer(3), beats: 1, entries: 2 };
    const kind = rng.integer(3) === 0 ? "serial" : "held";
    return { sources, timing: { kind, plan, fifos: [rng.integer(3)], latencyCycles, ...form } };
  });
}

const sized = (stages: readonly ScheduleStage[]): readonly ScheduleStage[] =>
  [...sizeJoins(stages)].reduce((all, [i, { depths }]) => withFifos(all, i, depths), stages);

const beatsOf = (stages: readonly ScheduleStage[]) => {
  const first = stages.find(({ sources }) => sources.includes(-1))!.timing.plan.input;
  const last = stages.at(-1)!.timing.plan.output;
  return { input: first.height * first.width, output: last.height * last.width };
};

/** Run frames with pauses; whether all of their beats come out. */
function completes(
  stages: readonly ScheduleStage[],
  pause: (cycle: number) => { readonly offers: boolean; readonly takes: boolean },
): boolean {
  const frames = 3;
  const { input, output } = beatsOf(stages);
  const run = new ScheduleRun(stages);
  let [sent, received, idle] = [0, 0, 0];
  for (let cycle = 0; received < frames * output && idle < 20_000; cycle++, idle++) {
    const { offers, takes } = pause(cycle);
    const { entered, left } = run.cycle(offers && sent < frames * input, takes);
    sent += Number(entered);
    received += Number(left);
    if (entered || left) idle = 0;
  }
  return received === frames * output;
}

describe("sizeJoins", () => {
  it("finds what a residual block must hold, as in the documentation", () => {
    const stages = block(8);
    // The 3x3 window needs a row and one pixel more, and the fork lets its last pixel pass.
    expect(putAside(stages)[2]).toEqual([9, 0]);
    const { depths, needed, used, periodFrames } = sizeJoins(stages).get(2)!;
    expect(needed).toEqual([9, 0]);
    expect(depths).toEqual([Math.max(9, used[0]! + 1), 0]);
    expect(periodFrames).toBe(1);
  });

  it("gives the schedule of unlimited memories, cycle by cycle", () => {
    for (let seed = 0; seed < 40; seed++) {
      const stages = randomStages(100 + seed);
      const all = sized(stages);
      for (const [i, { depths }] of sizeJoins(stages)) {
        const unlimited = depths.map((depth) => (depth > 0 ? Number.POSITIVE_INFINITY : 0));
        const [bounded, open] = [depths, unlimited].map((fifos) =>
          steadySchedule(coneOf(withFifos(all, i, fifos), i)),
        );
        expect(bounded!.periodFrames).toBeDefined();
        expect(bounded!.ends).toEqual(open!.ends);
        expect(bounded!.fifoUse).toEqual(open!.fifoUse);
      }
    }
  });

  it("loses no rate: the whole front is as fast as with unlimited memories", () => {
    for (let seed = 0; seed < 120; seed++) {
      const stages = randomStages(1100 + seed);
      const { cyclesPerFrame, periodFrames } = steadySchedule(sized(stages));
      expect(periodFrames).toBeDefined();
      const depths = [1e9, 1e9];
      const open = [...sizeJoins(stages).keys()].reduce((all, i) => withFifos(all, i, depths), stages);
      const { ends } = simulateSchedule(open, 60);
      // An uneven schedule's frames differ by some cycles.
      expect(cyclesPerFrame).toBeLessThanOrEqual(((ends[59]! - ends[19]!) / 40) * 1.01 + 0.25);
    }
  });

  it("never lets a front come to a stop, whatever pauses outside", () => {
    for (let seed = 0; seed < 60; seed++) {
      const stages = sized(randomStages(300 + seed));
      expect(steadySchedule(stages).periodFrames).toBeDefined();
      const rng = createRng(seed);
      const rare = { offers: rng.next(), takes: rng.next() };
      expect(
        completes(stages, () => ({
          offers: rng.next() > rare.offers * 0.9,
          takes: rng.next() > rare.takes * 0.9,
        })),
      ).toBe(true);
      // One pixel at a time, so that pipelines run dry; then an output that waits until the input is full.
      expect(completes(stages, (cycle) => ({ offers: cycle % 97 === 0, takes: true }))).toBe(true);
      expect(completes(stages, (cycle) => ({ offers: true, takes: cycle % 89 === 0 }))).toBe(true);
    }
  });

  it("notices memories that are too small: they stop the front or slow it down", () => {
    const stages = block(8);
    const { depths } = sizeJoins(stages).get(2)!;
    const frames = 4;
    const { ends } = simulateSchedule(withFifos(stages, 2, depths), frames);
    const outcomes = Array.from({ length: depths[0]! }, (_, less) =>
      simulateSchedule(withFifos(stages, 2, [less, 0]), frames),
    );
    // Without enough room the window never completes.
    expect(outcomes[0]!.cyclesPerFrame).toBe(Number.POSITIVE_INFINITY);
    expect(outcomes[3]!.cyclesPerFrame).toBe(Number.POSITIVE_INFINITY);
    const slower = outcomes.filter(
      ({ ends: other }) => other.length < frames || other.at(-1)! > ends.at(-1)!,
    );
    expect(slower.length).toBeGreaterThan(5);
    // A depth from the schedule alone is not enough when pixels come one by one and the shortcut's pipeline runs dry.
    const shortcut: ScheduleStage = {
      timing: { kind: "parallel", plan: stages[0]!.timing.plan, fifos: [0], latencyCycles: 20 },
      sources: [0],
    };
    const order = [stages[0]!, stages[1]!, shortcut, { ...stages[2]!, sources: [2, 1] }];
    const { used, needed } = sizeJoins(order).get(3)!;
    expect(used[0]! + 1).toBeLessThan(needed[0]!);
    const oneByOne = (cycle: number) => ({ offers: cycle % 200 === 0, takes: true });
    expect(completes(withFifos(order, 3, [used[0]! + 1, 0]), oneByOne)).toBe(false);
    expect(completes(sized(order), oneByOne)).toBe(true);
  });
});
