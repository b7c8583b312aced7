import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { requireShared, requireTool } from "../../../test/helpers/environment.js";
import { findCellRoles, mappingLiberty, readCellLibrary } from "../cell-library/index.js";
import { bindModule } from "./bind-module.js";
import { readDraft } from "./draft.js";
import { linkModules } from "./link-modules.js";
import { analyzeTiming } from "./static-timing.js";
import { noWires } from "./timing-graph.js";

const text = `module judged(input [15:0] a, input [15:0] b, output [15:0] y, output lt);
  assign lt = a < b;
  assign y = lt ? (a ^ (b << 1)) : (a & ~b) + 16'd77;
endmodule
`;

it("gives the delay that ABC's stime gives for the same mapped logic", (context) => {
  const yosys = requireTool(context, "yosys");
  const library = readCellLibrary([join(requireShared(context, "tech"), "sky130hd_tt.lib.gz")]);
  const folder = mkdtempSync(join(tmpdir(), "fixynn-stime-"));
  try {
    writeFileSync(join(folder, "in.v"), text);
    writeFileSync(join(folder, "cells.lib"), mappingLiberty(library));
    const script =
      "read_verilog in.v; proc; opt; techmap; opt; abc -liberty cells.lib -script +strash;dc2;dch;map,-B,0.9;topo;stime,-p; opt_clean; write_json out.json";
    const run = spawnSync(yosys, ["-Q", "-T", "-p", script], { cwd: folder, encoding: "utf8" });
    const [, judged] = /Delay =\s*([\d.]+) ps/.exec(run.stdout) ?? [];
    const draft = readDraft(readFileSync(join(folder, "out.json"), "utf8"), "judged", {
      isLibraryCell: (name) => library.cells.has(name),
      isModule: () => false,
    });
    const bound = bindModule(draft, library, findCellRoles(library));
    const report = analyzeTiming(linkModules([bound], { libraries: library.names }), library, {
      periodPs: 0,
      wire: noWires,
      memory: () => ({ delayPs: 0, setupPs: 0 }),
      portSlewPs: 0,
    });
    // ABC goes on below the tables' smallest slew and load, we hold their edge: some picoseconds at both ends.
    expect(Math.abs(-report.slackPs / Number(judged) - 1)).toBeLessThan(0.01);
    expect(report.path.length).toBeGreaterThan(4);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
