import { expect, test } from "vitest";
import { AdderGraphBuilder } from "../adder-graph.js";
import { interval } from "../interval.js";
import { bitNetlist } from "./bit-netlist.js";
import { readBits } from "./read-bits.js";

test("bits below a shift are read by nobody, their carries are", () => {
  const graph = new AdderGraphBuilder();
  const [x, y] = [graph.input("x", interval(0, 15)), graph.input("y", interval(0, 15))];
  const sum = graph.sum(
    "sum",
    [x, y].map((source) => ({ source, shift: 0, negative: false })),
    0n,
  );
  const netlist = bitNetlist(graph.build("shifted", [graph.floorShift(sum, 2)]));
  const reads = readBits(netlist);
  const { cells, words } = netlist;
  const lowest = words[sum]!.slice(0, 2).map((pin) => reads[pin >> 1]);
  expect(lowest).toEqual([0, 0]);
  expect(words[sum]!.slice(2).every((pin) => reads[pin >> 1] === 1)).toBe(true);
  for (let k = 0; k < cells.kind.length; k++)
    if (cells.carry[k]! >= 0) expect(reads[cells.carry[k]!]).toBe(1);
});
