import { cpus } from "node:os";
import { compareNormalization, type FrontEndCost, readTechnology } from "../src/cost/index.js";
import { nodeName } from "../src/graph/index.js";
import { compileFrontEnd, type FrontFolding } from "../src/hw/index.js";
import { importModel } from "../src/importers/index.js";
import { quantize, truncateQuantNetwork } from "../src/quant/index.js";
import { calibrationImages, MODEL, readImages } from "./requantization.js";
import type { BenchRow, BenchTable } from "./table.js";

const FREEZE_POINTS = ["conv_pw_3", "conv_pw_6", "conv_pw_11"];
const FORMS: readonly { readonly form: string; readonly folding: FrontFolding }[] = [
  { form: "parallel", folding: { kind: "none" } },
  { form: "folded", folding: { kind: "auto" } },
];
const PARTS = ["datapath", "requantization", "registers", "sram", "rom", "control", "total"] as const;

/**
 * Price programmable normalization on the default backbone (48×48): area, registers and energy a frame of its fronts with multipliers and
 * biases in registers, beside the same fronts with constants of two signed digits; structural tier, sky130, both made for 200 MHz.
 *
 * @throws FixynnError FX9002 when the shared images are absent
 */
export async function run(): Promise<BenchTable> {
  const { train } = await readImages();
  const graph = await importModel(MODEL);
  const technology = readTechnology("sky130hd");
  const calibration = calibrationImages(train);
  const lean = await quantize(graph, { calibration });
  const registers = await quantize(graph, { calibration, programmable: {} });
  const rows: BenchRow[] = [];
  for (const point of FREEZE_POINTS.map(nodeName)) {
    for (const { form, folding } of FORMS) {
      const [plain, programmable] = [lean, registers].map((network) =>
        compileFrontEnd(truncateQuantNetwork(network, point), point, { folding }),
      );
      const cost = compareNormalization(plain!, programmable!, { technology, clockMhz: 200 });
      const name = `${point}, ${form}`;
      const beside = (metric: string, unit: string, value: (cost: FrontEndCost) => number): void => {
        const [own, peer] = [value(cost.programmable), value(cost.plain)];
        const ratio = peer > 0 ? { ratio: own / peer } : {};
        rows.push({ name, metric, value: own, unit, peer: { name: "constants", value: peer }, ...ratio });
      };
      for (const part of PARTS) beside(`area.${part}`, "mm2", ({ areaMm2 }) => areaMm2[part]);
      beside("energyPerFrame", "uJ", ({ energyPerFrameUj }) => energyPerFrameUj.total);
      const more = cost.programmable.areaMm2.total - cost.plain.areaMm2.total;
      rows.push({
        name,
        metric: "registers",
        value: cost.registerBits,
        unit: `bits, ${cost.channels} channels`,
      });
      rows.push({ name, metric: "more", value: (1e6 * more) / cost.channels, unit: "um2 a channel" });
    }
  }
  return { bench: "normalization", machine: cpus()[0]?.model ?? "unknown", rows };
}
