import { describe, expect, it } from "vitest";
import {
  type AcceleratorLayer,
  acceleratorTechnologyAt16Nm,
  compareAtEqualArea,
  exactly,
  type FrontFigures,
  readTechnology,
} from "../cost/index.js";
import { cameraFigures } from "./camera.js";

const layers: readonly AcceleratorLayer[] = [8, 16, 32].map((channels, i) => ({
  ...{ name: `conv${i}`, kind: "conv2d", inputShape: [16, 16, channels], outputShape: [16, 16, channels] },
  ...{ macs: 256 * 9 * channels ** 2, weightBytes: 9 * channels ** 2 },
}));
const macs = layers.reduce((sum, layer) => sum + layer.macs, 0);

const front: FrontFigures = {
  ...{ tier: "modelled", source: "test", areaMm2: exactly(0.1), framesPerSecond: exactly(500) },
  ...{ energyPerFrameUj: exactly(2), energyScaling: exactly(1) },
  ...{ idlePowerMw: exactly(0.1), leakageMw: exactly(0.2) },
};

describe("cameraFigures", () => {
  it("are those of the comparison at equal area", () => {
    const technology = acceleratorTechnologyAt16Nm(readTechnology("sky130hd"));
    for (const framesPerSecond of [30, 240]) {
      const compared = compareAtEqualArea({
        ...{ layers, frozenLayers: 1, front, totalAreaMm2: 0.5, technology, accelerator: "array" },
        operatingPoint: { kind: "fixedRate", framesPerSecond },
      });
      if (!compared.feasible) throw new Error(compared.reason);
      const { hybrid, gain, tail, whole } = compared;
      const rates = { macs, cameraFramesPerSecond: [framesPerSecond] };
      const own = cameraFigures({ front, run: tail }, rates, () => whole);
      const digits = ([value]: readonly (number | null)[]): string | undefined => value?.toPrecision(5);
      expect(digits(own.energyPerFrameUj)).toBe(hybrid.energyPerFrameUj.nominal.toPrecision(5));
      expect(digits(own.powerMw)).toBe(hybrid.powerMw.nominal.toPrecision(5));
      expect(digits(own.topsPerWatt)).toBe(hybrid.topsPerWatt.nominal.toPrecision(5));
      expect(digits(own.topsPerWattWithDram)).toBe(hybrid.topsPerWattWithDram.nominal.toPrecision(5));
      expect(digits(own.gain)).toBe(gain.topsPerWatt.nominal.toPrecision(5));
      expect(digits(own.gainWithDram)).toBe(gain.topsPerWattWithDram.nominal.toPrecision(5));
    }
  });

  it("are null where the design, or any accelerator beside it, is too slow", () => {
    const rates = { macs, cameraFramesPerSecond: [30, 501] };
    const own = cameraFigures({ front }, rates, () => undefined);
    expect(own.powerMw).toEqual([expect.any(Number), null]);
    expect(own.gain).toEqual([null, null]);
  });
});
