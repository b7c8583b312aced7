import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryCost } from "../memory/index.js";
import { romCost } from "../rom.js";
import { readTechnology } from "../technology.js";
import { areaCalibration } from "./area-calibration.js";
import { achievableClockMhz } from "./clock.js";
import type { LayerCounts } from "./counts.js";
import { costFrontEnd } from "./front.js";

const sky130 = readTechnology("sky130hd");
const { cells, clockGate } = sky130;
const lineBuffer = memoryCost({ words: 224, bits: 48, ports: 2 }, sky130);

/**
 * MobileNet's first layer as a 27×8 constant matrix of 346 digits: 346 · 8 bits in, 8 sums of 17 bits out, and full adders =
 * bits in − bits out; no sub-expression shared.
 */
const conv0: LayerCounts = {
  name: "conv1",
  kind: "conv2d",
  macs: 216 * 112 * 112,
  datapath: { fullAdder: 346 * 8 - 8 * 17 },
  requantization: {},
  control: { and2: 10 },
  registerBits: { datapath: 100, window: 216, control: 20 },
  memories: [
    {
      ...{ kind: "ram", name: "line_buffer", words: 224, bits: 48, ports: 2 },
      readsPerFrame: 224 * 224,
      writesPerFrame: 50_000,
    },
  ],
  cyclesPerFrame: 224 * 224,
  activeCyclesPerFrame: 112 * 112,
  latencyCycles: 300,
  criticalFullAdders: 6,
};

describe("costFrontEnd", () => {
  test("the 27×8 matrix lies near its synthesized area of plain digit trees, 54,899 µm², above shared trees, 40,160 µm²", () => {
    const { datapath } = costFrontEnd({ layers: [conv0], technology: sky130 }).layers[0]!.areaUm2;
    const { fullAdder = 1 } = areaCalibration().factors.datapath;
    expect(datapath).toBeCloseTo(2632 * 20.0192 * fullAdder, 6);
    expect(datapath / 54_899).toBeGreaterThan(0.9);
    expect(datapath / 54_899).toBeLessThan(1.1);
    expect(datapath).toBeGreaterThan(40_160);
  });

  test("equals a hand calculation", () => {
    const cost = costFrontEnd({ layers: [conv0], technology: sky130, clockMhz: 100 });
    const [layer] = cost.layers;
    const ff = cells.flipFlop;
    // Banks of 100, 216 and 20 bits behind 4, 7 and 1 clock gates.
    expect(layer!.areaUm2.registers).toBeCloseTo(336 * ff.areaUm2 + 12 * clockGate.areaUm2, 6);
    expect(layer!.areaUm2.sram).toBeCloseTo(lineBuffer.areaUm2.nominal, 6);
    expect(layer!.macroUm2).toBeCloseTo(lineBuffer.areaUm2.nominal - lineBuffer.wrapperUm2, 6);
    const { and2 = 1 } = areaCalibration().factors.control;
    expect(layer!.areaUm2.control).toBeCloseTo(30 * cells.and2.areaUm2 * and2, 6);
    expect(layer!.energyPj.datapath).toBeCloseTo(
      2632 * 2 * 0.2 * 12_544 * cells.fullAdder.energyPerTogglePj * 1.6,
      3,
    );
    const gates =
      12 * (12_544 * clockGate.energyPerEnabledCyclePj + 37_632 * clockGate.energyPerDisabledCyclePj);
    const clocked = 100 * 12_544 + 236 * 50_176;
    expect(layer!.energyPj.clock).toBeCloseTo((clocked * ff.clockEnergyPerCyclePj + gates) * 1.3, 3);
    expect(layer!.testOverhead.areaUm2).toBeCloseTo(336 * (cells.scanFlipFlop.areaUm2 - ff.areaUm2), 6);
    // Every cycle of the frame reads.
    const access = (level: "low" | "nominal"): number =>
      50_176 * lineBuffer.readPj[level] + 50_000 * lineBuffer.writePj[level];
    expect(layer!.energyPj.sram).toBeCloseTo(access("nominal"), 3);
    expect(layer!.energyTotalPj.nominal - layer!.energyTotalPj.low).toBeGreaterThan(
      access("nominal") - access("low"),
    );
    // nW · s = 1e3 pJ.
    expect(layer!.energyPj.leakage).toBeCloseTo(layer!.leakageNw * (50_176 / 1e8) * 1e3, 9);
    expect(cost.framesPerSecond).toBeCloseTo(1e8 / 50_176, 9);
    expect(cost.tops).toBeCloseTo(2 * 216 * 12_544 * cost.framesPerSecond * 1e-12, 12);
    expect(cost.powerMw).toBeCloseTo(cost.energyPerFrameUj.total * cost.framesPerSecond * 1e-3, 9);
    expect(cost.topsPerWatt).toBeCloseTo(cost.tops / (cost.powerMw * 1e-3), 9);
    expect(cost.tier).toBe("modelled");
  });

  test("the clock is checked against stage depth and memory", () => {
    const ff = cells.enableFlipFlop;
    expect(achievableClockMhz(6, sky130)).toBeCloseTo(
      1e6 / (ff.delayPs + ff.setupPs + 6 * cells.fullAdder.delayPs),
      9,
    );
    const cost = costFrontEnd({ layers: [conv0], technology: sky130 });
    expect(cost.clockMet).toBe(true);
    expect(cost.clockLimit).toBe("conv1 (line_buffer)");
    expect(cost.clockMhz).toBeCloseTo(1e6 / (lineBuffer.accessPs.nominal + ff.setupPs), 3);
    const fast = costFrontEnd({ layers: [{ ...conv0, memories: [] }], technology: sky130, clockMhz: 900 });
    expect([fast.clockMet, fast.clockLimit]).toEqual([false, "conv1"]);
  });

  test("small memories are latches, ROMs logic, and each is priced by its own size", () => {
    const [memory] = conv0.memories;
    const costWith = (...memories: LayerCounts["memories"]) =>
      costFrontEnd({ layers: [{ ...conv0, memories }], technology: sky130, clockMhz: 50 });
    const small = { ...memory!, words: 24 };
    const latches = memoryCost({ words: 24, bits: 48, ports: 2 }, sky130);
    expect(latches.form.kind).toBe("latches");
    const cost = costWith(small);
    expect(cost.areaMm2.sram).toBeCloseTo(latches.areaUm2.nominal * 1e-6, 9);
    expect(cost.macroAreaMm2).toBe(0);
    expect(cost.notes).toContain("memories by their sizes: 1 as arrays of latches, 0 as macros");
    // Half of the accesses: the other cycles cost a stopped clock gate.
    const idle = costWith({ ...small, readsPerFrame: 10_000, writesPerFrame: 20_000 }).energyPerFrameUj.sram;
    const { readPj, writePj, idlePjPerCycle } = latches;
    expect(idle * 1e6).toBeCloseTo(
      10_000 * readPj.nominal + 20_000 * writePj.nominal + 30_176 * idlePjPerCycle,
      3,
    );
    const rom = { ...memory!, kind: "rom", ports: 1, writesPerFrame: 0 } as const;
    const word = romCost({ words: 224, bits: 48 }, sky130);
    const both = costWith(memory!, rom);
    expect(both.areaMm2.rom).toBeCloseTo(word.areaUm2.nominal * 1e-6, 9);
    expect(both.energyPerFrameUj.rom).toBeCloseTo(50_176 * word.readPj.nominal * 1e-6, 9);
    expect(both.areaMm2.sram).toBeCloseTo(costWith(memory!).areaMm2.sram, 12);
    expect(both.leakageMw).toBeGreaterThan(costWith(memory!).leakageMw);
  });

  test("simulated activity replaces the assumed one and is tagged", () => {
    const activity = new Map([
      [
        "conv1",
        {
          images: 32,
          datapathToggles: 1e6,
          requantizationToggles: 0,
          registerToggles: 2e6,
          controlToggles: 10,
        },
      ],
    ]);
    const cost = costFrontEnd({ layers: [conv0], technology: sky130, activity });
    expect(cost.tier).toBe("simulated");
    expect(cost.layers[0]!.energyPj.datapath).toBeCloseTo(1e6 * cells.fullAdder.energyPerTogglePj * 1.6, 3);
    expect(cost.layers[0]!.energyPj.registers).toBeCloseTo(2e6 * cells.flipFlop.energyPerTogglePj, 3);
    const mixed = costFrontEnd({ layers: [conv0, { ...conv0, name: "b" }], technology: sky130, activity });
    expect(mixed.tier).toBe("modelled");
  });

  test("parts add up, ranges contain the nominal value, and more cells never cost less", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }), (adders) => {
        const layers = adders.map((n, i) => ({
          ...conv0,
          name: `l${i}`,
          datapath: { fullAdder: n, halfAdder: i },
        }));
        const cost = costFrontEnd({ layers, technology: sky130, clockMhz: 50 });
        const { total, ...parts } = cost.areaMm2;
        expect(Object.values(parts).reduce((a, b) => a + b, 0)).toBeCloseTo(total, 9);
        const { low, nominal, high } = cost.energyPerFrameRangeUj;
        expect(low).toBeLessThan(nominal);
        expect(nominal).toBeLessThan(high);
        expect(nominal).toBeCloseTo(cost.energyPerFrameUj.total, 9);
        const more = costFrontEnd({ layers: [...layers, conv0], technology: sky130, clockMhz: 50 });
        expect(more.areaMm2.total).toBeGreaterThan(total);
        expect(more.energyPerFrameUj.total).toBeGreaterThan(nominal);
        expect(JSON.parse(JSON.stringify(cost))).toEqual(cost);
      }),
      { numRuns: 30, seed: 3 },
    );
  });

  test("refuses counts that cannot be", () => {
    const cost = (layers: LayerCounts[], clockMhz?: number) => () =>
      costFrontEnd({ layers, technology: sky130, clockMhz });
    expect(cost([])).toThrow(expect.objectContaining({ code: "FX7040" }));
    const [memory] = conv0.memories;
    for (const wrong of [{ words: 0 }, { bits: Number.NaN }, { readsPerFrame: -1 }])
      expect(cost([{ ...conv0, memories: [{ ...memory!, ...wrong }] }])).toThrow(
        expect.objectContaining({ code: "FX7041" }),
      );
    expect(cost([{ ...conv0, cyclesPerFrame: 0 }])).toThrow(expect.objectContaining({ code: "FX7041" }));
    expect(cost([conv0], 0)).toThrow(expect.objectContaining({ code: "FX7042" }));
  });
});
