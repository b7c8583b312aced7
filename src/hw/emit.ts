import { sha256 } from "../core/index.js";
import { type QuantType, quantNetworkToJson, truncateQuantNetwork } from "../quant/index.js";
import {
  ADDER_PRIMITIVES_FILE,
  ADDER_TECHMAP_FILE,
  adderPrimitives,
  adderTechmap,
  sky130Adders,
  synthesisScript,
} from "./adder-map.js";
import { type FrontEnd, frontEndDesign, latencyCyclesOf, TOP_MODULE, utilizations } from "./front.js";
import type { Design } from "./netlist.js";
import { type RegisterMap, TOP_PORT } from "./registers.js";
import { emitTestbench, TESTBENCH_MODULE, type TestVectors } from "./testbench.js";
import { adderModules, printVerilog, verilogLibrary } from "./verilog.js";

/** The frozen integer network, which the hardware is checked against. */
export const NETWORK_FILE = "network.json";

/** What the deliverable consists of. */
export const MANIFEST_FILE = "manifest.json";

/** Choices of {@link emitFrontEnd}. */
export type EmitOptions = {
  /** Images for the testbench; without them there is none. */
  readonly vectors?: TestVectors;
};

const describeType = ({ shape, bits, signed, scale, zeroPoint }: QuantType) => ({
  shape,
  bits,
  signed,
  scale,
  zeroPoint,
});

/** Print the Verilog files of a front: library, one file a module. */
export const emitVerilog = (front: FrontEnd): ReadonlyMap<string, string> =>
  emitDesign(frontEndDesign(front));

/** Print the Verilog files of a design: what it needs of the library, and one file a module. */
export function emitDesign({ modules }: Design): ReadonlyMap<string, string> {
  const byName = new Map(modules.map((module) => [module.name, module]));
  const used = new Set<string>();
  for (const { cells } of modules) {
    for (const { kind } of cells) {
      if (kind === "fullAdders") used.add("fx_full_adders.sv");
      if (kind === "halfAdders") used.add("fx_half_adders.sv");
      if (kind === "ram") used.add("fx_ram.sv");
    }
    for (const cell of cells)
      if (cell.kind === "add" && cell.architecture !== undefined)
        used.add(`${adderModules[cell.architecture]}.sv`);
  }
  return new Map([
    ...[...verilogLibrary].filter(([name]) => used.has(name)),
    ...modules.map((module): [string, string] => [`${module.name}.sv`, printVerilog(module, byName)]),
  ]);
}

const describeRegisters = (map: RegisterMap) => ({
  port: `${TOP_PORT}_valid, ${TOP_PORT}_address, ${TOP_PORT}_data: one word a cycle, while aresetn is low, all words before the first frame`,
  words:
    "kind words: at base + addresses[channel] the multiplier in the low multiplierBits, above it the offset, multiplier*bias + 2^(shift-1) + " +
    "zeroPoint*2^shift; kind memories: at base + addresses[channel] the multiplier, at base + biasAddresses[channel] bias + " +
    "biasConstants[channel]; two's complement; bias, multiplier and shift of network.json, zeroPoint of the layer's output",
  ...map,
});

function manifest(front: FrontEnd, files: ReadonlyMap<string, string>): string {
  const shares = utilizations(front);
  const value = {
    tool: "fixynn",
    format: "fixynn.front.v1",
    network: front.network.name,
    freezePoint: front.freezePoint,
    top: TOP_MODULE,
    clockPeriodNs: front.clock.periodPs / 1000,
    clockCells: front.clock.cells,
    stream: "one pixel a beat, channel c in bits c*bits and up, raster order, frames back to back",
    imageEncoding: front.network.encoding,
    input: describeType(front.input),
    output: describeType(front.output),
    ...(front.registers === undefined ? {} : { registers: describeRegisters(front.registers) }),
    cyclesPerFrame: front.cyclesPerFrame,
    latencyCycles: latencyCyclesOf(front),
    layers: front.layers.map((layer, i) => ({
      layer: layer.node.name,
      module: layer.name,
      modules: layer.modules.map((module) => module.name),
      reads: front.sources[i]!.map((source) => (source < 0 ? "input" : front.layers[source]!.node.name)),
      inputs: layer.inputs.map(describeType),
      output: describeType(layer.node.output),
      utilization: shares[i],
      stats: layer.stats,
    })),
    files: Object.fromEntries(
      [...files].map(([name, text]) => [name, { bytes: Buffer.byteLength(text), sha256: sha256(text) }]),
    ),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function fuseSocCore(rtl: readonly string[], testbench: boolean, registers: boolean): string {
  const lines = [
    "CAPI=2:",
    "name: fixynn:ffe:ffe_top:1.0.0",
    "description: Fixed feature extractor, frozen layers of a CNN as constant datapaths",
    "filesets:",
    "  rtl:",
    "    files:",
    ...rtl.map((name) => `      - ${name}`),
    "    file_type: systemVerilogSource",
  ];
  if (testbench) {
    lines.push(
      "  tb:",
      "    files:",
      `      - ${TESTBENCH_MODULE}.sv: {file_type: systemVerilogSource}`,
      `      - ${TESTBENCH_MODULE}_input.hex: {file_type: user, copyto: ${TESTBENCH_MODULE}_input.hex}`,
      `      - ${TESTBENCH_MODULE}_output.hex: {file_type: user, copyto: ${TESTBENCH_MODULE}_output.hex}`,
    );
    const file = `${TESTBENCH_MODULE}_registers.hex`;
    if (registers) lines.push(`      - ${file}: {file_type: user, copyto: ${file}}`);
  }
  lines.push("targets:", "  default:", "    filesets: [rtl]", `    toplevel: ${TOP_MODULE}`);
  lines.push("  lint:", "    filesets: [rtl]", `    toplevel: ${TOP_MODULE}`, "    default_tool: verilator");
  lines.push(
    "    tools:",
    "      verilator:",
    "        mode: lint-only",
    "        verilator_options: [-Wall]",
  );
  if (testbench) {
    lines.push(
      "  sim:",
      "    filesets: [rtl, tb]",
      `    toplevel: ${TESTBENCH_MODULE}`,
      "    default_tool: verilator",
    );
    lines.push(
      "    tools:",
      "      verilator:",
      "        mode: binary",
      "        verilator_options: [--timing]",
    );
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Emit everything that a front is delivered with, file name → text: Verilog (library, one file a module), testbench and vectors,
 * `manifest.json` with shapes, quantization, statistics and file hashes, FuseSoC core, constraints, Yosys script.
 * The same front and options give the same bytes.
 *
 * @throws FixynnError FX5030 when the vectors do not fit the front
 */
export function emitFrontEnd(front: FrontEnd, options: EmitOptions = {}): ReadonlyMap<string, string> {
  const clockPeriodNs = front.clock.periodPs / 1000;
  const files = new Map(emitVerilog(front));
  const rtl = [...files.keys()];
  if (options.vectors !== undefined) {
    for (const [name, text] of emitTestbench(front, options.vectors)) files.set(name, text);
  }
  files.set("ffe_top.core", fuseSocCore(rtl, options.vectors !== undefined, front.registers !== undefined));
  files.set(
    "ffe_top.sdc",
    [
      "# Time in ns. Inputs and outputs get a third of the period outside.",
      `create_clock -name aclk -period ${clockPeriodNs} [get_ports aclk]`,
      `set_input_delay -clock aclk ${(clockPeriodNs / 3).toFixed(3)} [get_ports {aresetn s_axis_tdata* s_axis_tvalid m_axis_tready${front.registers === undefined ? "" : ` ${TOP_PORT}_*`}}]`,
      `set_output_delay -clock aclk ${(clockPeriodNs / 3).toFixed(3)} [get_ports {s_axis_tready m_axis_tdata* m_axis_tvalid m_axis_tlast}]`,
      "",
    ].join("\n"),
  );
  files.set(ADDER_PRIMITIVES_FILE, adderPrimitives);
  files.set(ADDER_TECHMAP_FILE, adderTechmap(sky130Adders));
  const own = new Set(["fx_full_adders.sv", "fx_half_adders.sv"]);
  const mapped = synthesisScript({
    verilog: rtl.filter((name) => !own.has(name)),
    top: TOP_MODULE,
    liberty: "cells.lib",
  });
  files.set(
    "ffe_top_mapped.ys",
    [
      "# Synthesis with adders as library cells: put the Liberty file of sky130_fd_sc_hd here as cells.lib, or change the cells in",
      `# ${ADDER_TECHMAP_FILE} to those of another library; then yosys -s ffe_top_mapped.ys. Line buffers become flip-flops unless`,
      "# fx_ram is replaced by a macro.",
      ...mapped,
      "",
    ].join("\n"),
  );
  files.set(
    "ffe_top.ys",
    [
      "# Synthesis without a library: yosys -s ffe_top.ys. With one: ffe_top_mapped.ys, which keeps full adders as cells; letting ABC",
      "# take them apart costs about half as much area again.",
      ...rtl.map((name) => `read_verilog -sv ${name}`),
      `hierarchy -check -top ${TOP_MODULE}`,
      "proc",
      "opt -fast",
      "memory -nomap",
      "opt -fast",
      "stat",
      "",
    ].join("\n"),
  );
  const network = truncateQuantNetwork(front.network, front.freezePoint);
  files.set(NETWORK_FILE, `${JSON.stringify(quantNetworkToJson(network))}\n`);
  files.set(MANIFEST_FILE, manifest(front, files));
  return files;
}
