import { cpus } from "node:os";
import { type ClockTarget, sky130Cells } from "../src/arith/index.js";
import { costFrontEnd, countsOf, type FrontEndCost, readTechnology } from "../src/cost/index.js";
import { compileFrontEnd, emitVerilog, type FrontEnd, type FrontEndOptions } from "../src/hw/index.js";
import { loadMobileNet } from "./mobilenet.js";
import type { BenchRow, BenchTable } from "./table.js";

type Form = { readonly front: FrontEnd; readonly cost: FrontEndCost; readonly seconds: number };

/** Both forms are made for 100 MHz: the parallel one with as few registers as that takes, and energies differ by what works alone. */
const CLOCK: ClockTarget = { periodPs: 10_000, cells: sky130Cells };

/** Everything but the memories of lines: datapath, requantization, control, registers, ROMs. */
const withoutSram = (area: { readonly total: number; readonly sram: number }): number =>
  area.total - area.sram;

/**
 * Compare the folded form of the 27-layer front of the quantized MobileNetV1-0.25 at 224×224, chosen for one input pixel a cycle, with our own fully
 * parallel form: area of each layer and of the whole, cycles and energy a frame, by the structural tier in sky130.
 */
export async function run(): Promise<BenchTable> {
  const { network, freezePoint } = loadMobileNet();
  const technology = readTechnology("sky130hd");
  const build = (options: FrontEndOptions): Form => {
    const start = performance.now();
    const front = compileFrontEnd(network, freezePoint, { ...options, clock: CLOCK });
    const seconds = (performance.now() - start) / 1000;
    const layers = front.layers.map(({ node, stats }) => countsOf(node.name, stats));
    return { front, cost: costFrontEnd({ layers, technology, clockMhz: 1e6 / CLOCK.periodPs }), seconds };
  };
  const folded = build({ folding: { kind: "auto" } });
  const parallel = build({});
  const rows: BenchRow[] = [];
  const beside = (name: string, metric: string, unit: string, value: number, peer: number): void => {
    const ratio = peer > 0 ? { ratio: value / peer } : {};
    rows.push({ name, metric, value, unit, peer: { name: "parallel", value: peer }, ...ratio });
  };
  for (const [i, layer] of folded.front.layers.entries()) {
    const { parallelism, romBits } = layer.stats;
    const { name } = layer.node;
    if (parallelism.kind === "folded") {
      rows.push({ name, metric: "lanes", value: parallelism.lanes, unit: "output channels a cycle" });
      rows.push({ name, metric: "inputs", value: parallelism.inputs, unit: "multipliers a lane" });
      if (parallelism.fifo !== undefined)
        rows.push({ name, metric: "fifo", value: parallelism.fifo, unit: "pixels" });
    } else rows.push({ name, metric: "parallel", value: 1, unit: "all weights at once" });
    rows.push({ name, metric: "romBits", value: romBits, unit: "bits" });
    const [own, other] = [folded.cost.layers[i]!, parallel.cost.layers[i]!];
    beside(name, "cyclesPerFrame", "cycles", layer.stats.cyclesPerFrame, other.cyclesPerFrame);
    beside(name, "area", "um2", own.areaUm2.total, other.areaUm2.total);
    beside(name, "areaWithoutSram", "um2", withoutSram(own.areaUm2), withoutSram(other.areaUm2));
  }
  const name = "front";
  for (const part of ["datapath", "requantization", "registers", "rom", "control", "sram"] as const)
    beside(name, `area.${part}`, "mm2", folded.cost.areaMm2[part], parallel.cost.areaMm2[part]);
  beside(
    name,
    "areaWithoutSram",
    "mm2",
    withoutSram(folded.cost.areaMm2),
    withoutSram(parallel.cost.areaMm2),
  );
  beside(name, "area", "mm2", folded.cost.areaMm2.total, parallel.cost.areaMm2.total);
  beside(name, "cyclesPerFrame", "cycles", folded.front.cyclesPerFrame, parallel.front.cyclesPerFrame);
  beside(
    name,
    "energyPerFrame",
    "uJ",
    folded.cost.energyPerFrameUj.total,
    parallel.cost.energyPerFrameUj.total,
  );
  for (const part of ["datapath", "registers", "clock", "rom", "sram"] as const)
    beside(
      name,
      `energyPerFrame.${part}`,
      "uJ",
      folded.cost.energyPerFrameUj[part],
      parallel.cost.energyPerFrameUj[part],
    );
  beside(name, "compile", "s", folded.seconds, parallel.seconds);
  const bytes = (front: FrontEnd): number =>
    [...emitVerilog(front).values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0) / 1e6;
  beside(name, "verilog", "MB", bytes(folded.front), bytes(parallel.front));
  return { bench: "folding", machine: cpus()[0]?.model ?? "unknown", rows };
}
