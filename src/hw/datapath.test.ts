import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matrixCase, shareCase } from "../../test/helpers/matrix-case.js";
import { adderGraphs } from "../../test/helpers/random-adder-graph.js";
import {
  type AdderGraph,
  AdderGraphBuilder,
  type AdderNodeId,
  evaluateAdderGraph,
  evaluateBits,
  interval,
  sky130Cells,
  type Term,
  verifySchedule,
  wordFormat,
} from "../arith/index.js";
import { createRng, type Rng } from "../core/index.js";
import { createSimulator, flatten, lowerDesign, WORDS_PER_BIT } from "../sim/index.js";
import { type BuiltPart, buildPart, buildSplitPart } from "./datapath-module.js";
import { type DatapathPlan, planDatapath } from "./datapath-plan.js";
import { signalWidth } from "./netlist.js";
import { splitPlan } from "./split.js";
import { enablePortsOf } from "./stage-enables.js";
import { printVerilog } from "./verilog.js";

const LANES = 16;

const plan = (graph: AdderGraph, periodPs: number, outputDelayPs = 0): DatapathPlan =>
  planDatapath(graph, { periodPs, cells: sky130Cells }, { outputDelayPs });

/** Vectors of a graph's inputs: all lowest, all highest, then random ones. */
function draw({ nodes }: AdderGraph, rng: Rng): readonly (readonly bigint[])[] {
  const ranges = nodes.flatMap((node) => (node.kind === "input" ? [node.interval] : []));
  return Array.from({ length: LANES }, (_, lane) =>
    ranges.map(({ low, high }) => {
      const pick = lane < 2 ? lane : rng.integer(4);
      if (pick < 2) return pick === 0 ? low : high;
      return low + BigInt(rng.integer(Number(high - low) + 1));
    }),
  );
}

/** One word a value, `bits` each, as the simulator's planes, a lane a vector. */
function planesOf(vectors: readonly (readonly bigint[])[], bits: number): Uint32Array {
  const planes = new Uint32Array(vectors[0]!.length * bits * WORDS_PER_BIT);
  for (const [lane, vector] of vectors.entries()) {
    for (const [i, value] of vector.entries())
      for (let bit = 0; bit < bits; bit++)
        planes[(i * bits + bit) * WORDS_PER_BIT]! |= Number((value >> BigInt(bit)) & 1n) << lane;
  }
  return planes;
}

/** The lanes in use of planes: the others hold anything. */
const lanesOf = (planes: Uint32Array): Uint32Array =>
  planes.filter((_, w) => w % WORDS_PER_BIT === 0).map((word) => word & (2 ** LANES - 1));

/** Build a planned graph's modules, split if `most` is given; clamps that never bind. */
function build(planned: DatapathPlan, bits: number, most?: number): BuiltPart {
  const ranges = planned.graph.outputs.map((id) => planned.graph.nodes[id]!.interval);
  const clamp = {
    low: Math.min(...ranges.map(({ low }) => Number(low))),
    high: Math.max(...ranges.map(({ high }) => Number(high))),
  };
  const lastSum = (planned.graph.nodes.length - 1) as AdderNodeId;
  const context = { plan: planned, clamp, outputBits: bits, inputBits: bits, doc: [], lastSum };
  return most === undefined
    ? buildPart("top", context)
    : buildSplitPart("top", context, splitPlan(planned, most));
}

/** Compare bits and modules with the graph, new integers in every clock cycle. */
function expectComputes(graph: AdderGraph, planned: DatapathPlan, most?: number): void {
  const rng = createRng(graph.nodes.length);
  const outputsOf = (x: readonly bigint[]): readonly bigint[] => {
    const values = evaluateAdderGraph(graph, x);
    return graph.outputs.map((id) => values[id]!);
  };
  verifySchedule(planned.netlist, planned.schedule);
  for (const x of draw(graph, rng).slice(0, 4)) {
    const values = evaluateBits(planned.netlist, x);
    expect(values).toEqual(evaluateAdderGraph(planned.graph, x));
    expect(planned.graph.outputs.map((id) => values[id])).toEqual(outputsOf(x));
  }
  const bits = Math.max(...graph.nodes.map((node) => wordFormat(node.interval).width)) + 1;
  const { module, inner } = build(planned, bits, most);
  const flat = flatten(lowerDesign({ kind: "design", modules: [...inner, module] }));
  const simulator = createSimulator(flat, { lanes: LANES, dataPorts: ["x"] });
  for (const port of enablePortsOf(module)) simulator.setBit(port, true);
  const { latencyCycles } = planned.schedule;
  const given: (readonly (readonly bigint[])[])[] = [];
  for (let cycle = 0; cycle < latencyCycles + 2; cycle++) {
    given.push(draw(graph, rng));
    simulator.setWord("x", planesOf(given[cycle]!, bits));
    simulator.settle();
    if (cycle >= latencyCycles)
      expect(lanesOf(simulator.readWord("y"))).toEqual(
        lanesOf(planesOf(given[cycle - latencyCycles]!.map(outputsOf), bits)),
      );
    simulator.tick();
  }
}

const plus = (source: AdderNodeId | undefined, shift = 0): Term => ({
  source: source!,
  shift,
  negative: false,
});
const minus = (source: AdderNodeId | undefined, shift = 0): Term => ({
  ...plus(source, shift),
  negative: true,
});

describe("datapaths", () => {
  it("compute any graph at any clock, whole and in parts", () => {
    fc.assert(
      fc.property(
        adderGraphs,
        fc.constantFrom(600, 1000, 1500, 2000, 3000, Number.POSITIVE_INFINITY),
        fc.constantFrom(0, 1000),
        fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
        (graph, periodPs, outputDelayPs, most) =>
          expectComputes(graph, plan(graph, periodPs, outputDelayPs), most),
      ),
      { numRuns: 250 },
    );
  }, 60_000);

  it.each<[string, (b: AdderGraphBuilder, x: readonly AdderNodeId[]) => readonly AdderNodeId[]]>([
    [
      "a carry that a constant one hands on",
      (b, [x, y, , d]) => [b.sum("s", [plus(x), plus(y), plus(d, 5)], 16n)],
    ],
    [
      "a sign that comes before the rest",
      (b, [x, y, s]) => [b.nonNegative(b.sum("s", [plus(x), plus(y), plus(s, 8)], 0n))],
    ],
    [
      "signs and saturations that are constant",
      (b, [x, , s]) => {
        const negative = b.sum("n", [plus(s)], -1000n);
        return [
          b.nonNegative(x!),
          b.nonNegative(negative),
          b.saturate(negative, 3),
          b.saturate(b.sum("p", [plus(x)], 90n), 3),
        ];
      },
    ],
    [
      "a shared sum of nothing",
      (b, [x]) => {
        const none = b.sum("none", [], 5n);
        return [b.sum("p", [plus(x), plus(none)], 0n), b.sum("q", [plus(x), minus(none)], 0n)];
      },
    ],
    [
      "a shared sum that nobody needs",
      (b, [x, y]) => {
        const sum = b.sum("sum", [plus(x), plus(y)], 0n);
        b.sum("dead", [plus(sum), plus(x)], 0n);
        return [x!];
      },
    ],
    [
      "constants, inputs and outputs of outputs",
      (b, [x, y]) => {
        const sum = b.sum("sum", [plus(x), minus(y, 1)], 7n);
        return [b.sum("c", [], -3n), sum, x!, sum, b.sum("again", [plus(sum), plus(sum)], 1n << 40n)];
      },
    ],
    [
      "a shared sum of a shared sum's saturation",
      (b, [x, y, s]) => {
        const first = b.sum("first", [plus(x), plus(s)], 0n);
        const top = b.saturate(b.sum("whole", [plus(first, 2), plus(y)], 0n), 3);
        const second = b.sum("second", [plus(top), plus(y, 1)], 0n);
        return [b.sum("p", [plus(second), plus(first)], 0n), b.sum("q", [plus(second), minus(first)], 0n)];
      },
    ],
  ])("compute %s", (_, make) => {
    const b = new AdderGraphBuilder();
    const ranges = [interval(0, 15), interval(0, 15), interval(-128, 127), interval(0, 1)];
    const graph = b.build(
      "g",
      make(
        b,
        ranges.map((range, i) => b.input(`x${i}`, range)),
      ),
    );
    for (const periodPs of [1200, 2000, Number.POSITIVE_INFINITY])
      for (const most of [undefined, 1, 8]) expectComputes(graph, plan(graph, periodPs), most);
  });

  it("have the registers and inverters that are counted", () => {
    fc.assert(
      fc.property(
        matrixCase,
        fc.constantFrom(2000, 3000, Number.POSITIVE_INFINITY),
        fc.constantFrom(undefined, 40),
        (given, periodPs, most) => {
          const planned = plan(shareCase(given, { tries: 1 }), periodPs);
          const { module, inner, counts } = build(planned, 48, most);
          const all = [module, ...inner];
          const cells = all.flatMap((each) => each.cells);
          const nots = cells.flatMap((cell) => (cell.kind === "not" ? [signalWidth(cell.a)] : []));
          expect(nots.reduce((sum, width) => sum + width, 0)).toBe(counts.sums.inverters);
          const bits = cells.flatMap((cell) => (cell.kind === "register" ? [signalWidth(cell.d)] : []));
          if (most === undefined)
            expect(bits.reduce((sum, width) => sum + width, 0)).toBe(planned.schedule.registerBits);
        },
      ),
      { numRuns: 30 },
    );
  }, 60_000);

  it("name a clock that no register needs, for the lint", () => {
    const b = new AdderGraphBuilder();
    const graph = b.build("g", [b.input("x", interval(0, 15))]);
    expect(printVerilog(build(plan(graph, 2000), 5).module, new Map())).toMatch(/wire unused = .*aclk/);
  });

  it("are the same text each time", () => {
    fc.assert(
      fc.property(adderGraphs, (graph) => {
        const text = (): string => printVerilog(build(plan(graph, 1500), 64).module, new Map());
        expect(text()).toBe(text());
      }),
      { numRuns: 20 },
    );
  });
});
