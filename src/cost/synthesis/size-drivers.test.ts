import { join } from "node:path";
import { expect, it } from "vitest";
import { requireShared } from "../../../test/helpers/environment.js";
import { readCellLibrary } from "../cell-library/index.js";
import type { MappedNet, MappedNetlist } from "./mapped-netlist.js";
import { sizeDrivers } from "./size-drivers.js";

const net = (n: number): MappedNet => n as MappedNet;

/** An inverter and a flip-flop, each driving so many nands. */
const driving = (sinks: number): MappedNetlist => ({
  kind: "mappedNetlist",
  name: "driving",
  libraries: ["sky130"],
  netNames: new Map(),
  netCount: 6 + 2 * sinks,
  clock: net(2),
  ports: [
    { name: "aclk", direction: "input", nets: [net(2)] },
    { name: "a", direction: "input", nets: [net(3)] },
  ],
  memories: [],
  instances: [
    {
      kind: "instance",
      name: "inverter",
      cell: "sky130_fd_sc_hd__clkinv_1",
      pins: { A: net(3), Y: net(4) },
      component: "datapath",
    },
    {
      kind: "instance",
      name: "flipFlop",
      cell: "sky130_fd_sc_hd__dfxtp_1",
      pins: { CLK: net(2), D: net(3), Q: net(5) },
      component: "registers",
    },
    ...Array.from({ length: 2 * sinks }, (_, i) => ({
      kind: "instance" as const,
      name: `nand${i}`,
      cell: "sky130_fd_sc_hd__nand2_1",
      pins: { A: net(4 + (i & 1)), B: net(3), Y: net(6 + i) },
      component: "datapath" as const,
    })),
  ],
});

it("gives drivers of heavy nets larger cells of the same kind, and no other", (context) => {
  const library = readCellLibrary([join(requireShared(context, "tech"), "sky130hd_tt.lib.gz")]);
  const cells = (sinks: number): string[] =>
    sizeDrivers(driving(sinks), library, { wire: (n) => 2 * n, slewPs: 120 }).instances.map((i) => i.cell);
  const before = driving(2).instances.map((i) => i.cell);
  expect(cells(2)).toEqual(before);
  const [inverter, flipFlop, ...nands] = cells(12);
  expect(inverter).toMatch(/inv_(2|4|8)$/);
  expect(flipFlop).toMatch(/dfxtp_(2|4)$/);
  expect(new Set(nands)).toEqual(new Set(["sky130_fd_sc_hd__nand2_1"]));
  const area = (name: string): number => library.cells.get(name)!.areaUm2;
  expect(area(inverter!)).toBeGreaterThanOrEqual(area("sky130_fd_sc_hd__clkinv_1"));
});
