import { describe, expect, test } from "vitest";
import { createRng } from "../../core/index.js";
import {
  type TimedCell,
  type TimedCellType,
  type TimedNet,
  type TimedNetlist,
  tableBit,
  tabulate,
} from "./ir.js";
import { timedNetlistFromJson, timedNetlistToJson } from "./json.js";
import { printTimedNetlist } from "./print.js";
import { createTimedSimulator } from "./simulator.js";
import { verifyTimedNetlist } from "./verify.js";

const bits = (state: number, n: number): number[] => Array.from({ length: n }, (_, i) => (state >> i) & 1);
const type = (name: string, inputs: number, ...functions: ((x: number[]) => number)[]): TimedCellType => ({
  name,
  inputs: Array.from({ length: inputs }, (_, i) => `i${i}`),
  outputs: functions.map((f, o) => ({ pin: `y${o}`, table: tabulate(inputs, (s) => f(bits(s, inputs))) })),
});
const majority = ([a, b, c]: number[]): number => (a! + b! + c! > 1 ? 1 : 0);
const types = [
  type("not", 1, ([a]) => 1 - a!),
  type("xor", 2, ([a, b]) => a! ^ b!),
  type("and", 2, ([a, b]) => a! & b!),
  type("fullAdder", 3, ([a, b, c]) => a! ^ b! ^ c!, majority),
  type("oddAnd", 6, (x) => ((x[0]! & x[1]!) ^ x[2]! ^ (x[3]! | (x[4]! & x[5]!))) & 1),
];
const net = (n: number): TimedNet => n as TimedNet;
const cell = (kind: number, inputs: number[], outputs: number[], delay: number | number[]): TimedCell => ({
  type: kind,
  inputs: inputs.map(net),
  outputs: outputs.map(net),
  delaysPs: typeof delay === "number" ? Array.from({ length: inputs.length * 4 }, () => delay) : delay,
  component: 0,
});
const netlist = (inputs: number, netCount: number, cells: TimedCell[]): TimedNetlist =>
  verifyTimedNetlist({
    kind: "timedNetlist",
    name: "test",
    netCount,
    types,
    cells,
    groups: [{ enable: net(1), gated: false }],
    flipFlops: [],
    memories: [],
    ports: [{ name: "x", direction: "input", nets: Array.from({ length: inputs }, (_, i) => net(2 + i)) }],
    inputDelayPs: 1,
    components: ["all"],
  });

/** Settled values of all nets, cells in topological order. */
function settle({ cells, netCount }: TimedNetlist, inputs: readonly number[]): number[] {
  const values: number[] = Array.from({ length: netCount }, (_, i) => (i === 1 ? 1 : 0));
  for (const [i, v] of inputs.entries()) values[2 + i] = v;
  for (const c of cells) {
    const state = c.inputs.reduce((s, n, pin) => s | (values[n]! << pin), 0);
    for (const [o, y] of c.outputs.entries())
      if (y !== null) values[y] = tableBit(types[c.type]!.outputs[o]!.table, state);
  }
  return values;
}

/** Change times of every net after the inputs change at 1 ps: cell by cell, each from the whole waveforms of its inputs. */
function waveforms(n: TimedNetlist, before: readonly number[], after: readonly number[]): number[][] {
  const old = settle(n, before);
  const changes: number[][] = Array.from({ length: n.netCount }, () => []);
  for (const [i, v] of after.entries()) if (v !== before[i]) changes[2 + i] = [1];
  for (const c of n.cells) {
    const times = [...new Set(c.inputs.flatMap((i) => changes[i]!))].sort((a, b) => a - b);
    for (const [o, y] of c.outputs.entries()) {
      if (y === null) continue;
      const out: number[] = [];
      let due: number | undefined;
      for (const t of times) {
        // A change due at this time or before has happened.
        if (due !== undefined && due <= t) {
          out.push(due);
          due = undefined;
        }
        const at = (i: TimedNet): number => (old[i]! + changes[i]!.filter((when) => when <= t).length) & 1;
        const state = c.inputs.reduce((s, i, pin) => s | (at(i) << pin), 0);
        const wanted = tableBit(types[c.type]!.outputs[o]!.table, state);
        const now = (old[y]! + out.length) & 1;
        if (wanted === now) due = undefined;
        else if (due === undefined) {
          const delays = c.inputs.flatMap((i, pin) =>
            changes[i]!.includes(t) ? [c.delaysPs[(pin * 2 + o) * 2 + (1 - wanted)]!] : [],
          );
          due = t + Math.min(...delays);
        }
      }
      if (due !== undefined) out.push(due);
      changes[y] = out;
    }
  }
  return changes;
}

const randomNetlist = (seed: number, inputs: number, count: number): TimedNetlist => {
  const rng = createRng(seed);
  const cells: TimedCell[] = [];
  let nets = 2 + inputs;
  for (let i = 0; i < count; i++) {
    const kind = rng.integer(types.length);
    const pins = Array.from({ length: types[kind]!.inputs.length }, () => 2 + rng.integer(nets - 2));
    const outputs = types[kind]!.outputs.map(() => nets++);
    const delays = Array.from({ length: pins.length * 4 }, () => 1 + rng.integer(40));
    cells.push(cell(kind, pins, outputs, delays));
  }
  return netlist(inputs, nets, cells);
};

describe("timed simulation", () => {
  test("a chain of exclusive ors glitches once more at each cell", () => {
    // y = a ^ b ^ c ^ d ^ e, one after another: all inputs rise at once.
    const chain = netlist(5, 11, [
      cell(1, [2, 3], [7], 10),
      cell(1, [7, 4], [8], 10),
      cell(1, [8, 5], [9], 10),
      cell(1, [9, 6], [10], 10),
    ]);
    const simulator = createTimedSimulator(chain);
    simulator.restore(settle(chain, [0, 0, 0, 0, 0]), []);
    // d0: both inputs change at one time, nothing happens; each later one follows its own input at once.
    const last = simulator.cycle([2, 3, 4, 5, 6].map((n) => [net(n), 1] as const));
    const { rises, falls, settled } = simulator.takeCounts();
    const changes = [7, 8, 9, 10].map((n) => rises[n]! + falls[n]!);
    expect(changes).toEqual([0, 1, 2, 3]);
    expect([7, 8, 9, 10].map((n) => settled[n])).toEqual([0, 1, 0, 1]);
    expect(last).toBe(31);
  });

  test("a pulse shorter than the delay is filtered, a longer one passes", () => {
    // y = a & !a is 1 between the rise of a and the fall of its inverse.
    const pulse = (inverter: number, and: number): [number, number, number] => {
      const n = netlist(1, 5, [cell(0, [2], [3], inverter), cell(2, [2, 3], [4], and)]);
      const simulator = createTimedSimulator(n);
      simulator.restore(settle(n, [0]), []);
      const last = simulator.cycle([[net(2), 1]]);
      const { rises, falls } = simulator.takeCounts();
      return [rises[4]! + falls[4]!, simulator.filtered, last];
    };
    expect(pulse(20, 21)).toEqual([0, 1, 21]);
    // The pulse is as long as the delay: the change happens first, then its cause ends.
    expect(pulse(20, 20)).toEqual([2, 0, 41]);
    expect(pulse(20, 10)).toEqual([2, 0, 31]);
  });

  test("rise and fall delays belong to the output's edge, and to the input that changed", () => {
    const n = netlist(2, 5, [cell(2, [2, 3], [4], [5, 7, 1, 1, 11, 13, 1, 1])]);
    const simulator = createTimedSimulator(n);
    simulator.restore(settle(n, [1, 0]), []);
    expect(simulator.cycle([[net(3), 1]])).toBe(12);
    expect(simulator.cycle([[net(2), 0]])).toBe(8);
    expect(simulator.cycle([[net(2), 1]])).toBe(6);
    expect(
      simulator.cycle([
        [net(2), 0],
        [net(3), 0],
      ]),
    ).toBe(8);
  });

  test("equals a reference that makes each cell's whole waveform from its inputs' waveforms", () => {
    let filtered = 0;
    for (let seed = 1; seed <= 12; seed++) {
      const n = randomNetlist(seed, 8, 120);
      const simulator = createTimedSimulator(n);
      const rng = createRng(seed + 100);
      let before = Array.from({ length: 8 }, () => 0);
      simulator.restore(settle(n, before), []);
      for (let cycle = 0; cycle < 10; cycle++) {
        const after = before.map(() => rng.integer(2));
        const expected = waveforms(n, before, after);
        const last = simulator.cycle(after.map((v, i) => [net(2 + i), v] as const));
        const { rises, falls } = simulator.takeCounts();
        expect(Array.from(rises, (r, i) => r + falls[i]!)).toEqual(expected.map((list) => list.length));
        expect(last).toBe(Math.max(0, ...expected.flat()));
        expect([...simulator.values]).toEqual(settle(n, after));
        before = after;
      }
      filtered += simulator.filtered;
    }
    expect(filtered).toBeGreaterThan(100);
  });

  test("flip-flops, clock groups and memories follow their contract", () => {
    const n = verifyTimedNetlist({
      ...netlist(2, 13, []),
      groups: [
        { enable: net(1), gated: false },
        { enable: net(3), gated: true },
      ],
      flipFlops: [
        { d: net(2), q: net(4), group: 0, delayPs: [30, 40], component: 0 },
        { d: net(2), q: net(5), group: 1, delayPs: [30, 40], component: 0 },
      ],
      memories: [
        {
          name: "m",
          depth: 2,
          width: 1,
          reads: [{ enable: net(1), address: [net(3)], q: [net(6)] }],
          writes: [{ enable: net(2), address: [net(3)], data: [net(2)] }],
          contents: null,
          accessPs: 100,
          component: 0,
        },
        {
          name: "r",
          depth: 1,
          width: 2,
          reads: [{ enable: net(1), address: [net(3)], q: [net(7), net(8)] }],
          writes: [],
          contents: ["01"],
          accessPs: 90,
          component: 0,
        },
      ],
      netCount: 9,
    });
    const simulator = createTimedSimulator(n);
    simulator.restore([0, 1, 1, 0, 0, 0, 0, 0, 0], [new Uint8Array(2), null]);
    const q = (): number[] => [...simulator.values.subarray(4)];
    // x0 = 1, x1 = 0: the ungated flip-flop takes 1, the memory writes 1 to word 0 and reads the old 0; the ROM reads 01.
    expect(simulator.cycle([[net(3), 1]])).toBe(90);
    expect(q()).toEqual([1, 0, 0, 0, 1]);
    // Gate open, address 1: word 1 read old, beyond the ROM 0.
    expect(
      simulator.cycle([
        [net(3), 0],
        [net(2), 0],
      ]),
    ).toBe(90);
    expect(q()).toEqual([1, 1, 0, 0, 0]);
    // Address 0 again: the word written first.
    simulator.cycle([]);
    expect(q()).toEqual([0, 1, 1, 0, 1]);
    expect(timedNetlistFromJson(timedNetlistToJson(n))).toEqual(n);
    expect(printTimedNetlist(n)).toContain("n5 <- n2 30/40 all gated by n3");
  });

  test("refuses what is malformed", () => {
    const bad = (cells: TimedCell[]) => () => netlist(1, 5, cells);
    expect(bad([cell(0, [2], [2], 1)])).toThrow(expect.objectContaining({ code: "FX6050" }));
    expect(bad([cell(0, [3], [4], 1)])).toThrow(expect.objectContaining({ code: "FX6050" }));
    expect(bad([cell(0, [4], [3], 1), cell(0, [3], [4], 1)])).toThrow(
      expect.objectContaining({ code: "FX6050" }),
    );
    expect(bad([cell(0, [2], [3], 0)])).toThrow(expect.objectContaining({ code: "FX6050" }));
    expect(() => timedNetlistFromJson("{")).toThrow(expect.objectContaining({ code: "FX6051" }));
    expect(() => timedNetlistFromJson("{}")).toThrow(expect.objectContaining({ code: "FX6051" }));
  });
});
