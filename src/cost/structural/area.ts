import { romAreaUm2PerBit, romLeakageNwPerBit } from "../rom.js";
import type { Technology } from "../technology.js";
import type { LayerCounts } from "./counts.js";
import type { AreaParts } from "./parts.js";
import { price } from "./price.js";

/** Area of one layer, µm² of cells, and its leakage, nW. */
export function layerArea(
  layer: LayerCounts,
  technology: Technology,
): { readonly areaUm2: AreaParts; readonly leakageNw: number } {
  const { sram, cells } = technology;
  const datapath = price(layer.datapath, technology);
  const requantization = price(layer.requantization, technology);
  const control = price(layer.control, technology);
  const { datapath: d, window: w, control: c, configuration = 0 } = layer.registerBits;
  const flop = cells.enableFlipFlop;
  const area = {
    datapath: datapath.areaUm2,
    requantization: requantization.areaUm2,
    registers: (d + w + configuration) * flop.areaUm2,
    sram: layer.sramBits * sram.areaUm2PerBit.nominal,
    rom: (layer.romBits ?? 0) * romAreaUm2PerBit(technology).nominal,
    control: control.areaUm2 + c * (flop.areaUm2 + cells.and2.areaUm2),
  };
  const leakageNw =
    datapath.leakageNw +
    requantization.leakageNw +
    control.leakageNw +
    (d + w + c + configuration) * flop.leakageNw +
    c * cells.and2.leakageNw +
    layer.sramBits * sram.leakageNwPerBit +
    (layer.romBits ?? 0) * romLeakageNwPerBit(technology);
  return { areaUm2: { ...area, total: Object.values(area).reduce((a, b) => a + b, 0) }, leakageNw };
}
