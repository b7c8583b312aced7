import { createRng } from "../../src/core/index.js";
import { type ExploreResults, exploreSchemaId, parseExploreResults } from "../../src/report/index.js";

const LAYERS = ["conv1", "conv2", "conv3", "conv4"];
const FOLDINGS = ["none", "auto 1", "auto 4"];
const RATES = [30, 60, 240];
const MACS = 5_000_000;

/** Four digits, as an exploration writes them. */
const short = (value: number): number => Number(value.toPrecision(4));

/** An exploration's results without an exploration: designs of every freeze point, folding, requantization and accelerator, all of them different. */
export function exploreFixture(): ExploreResults {
  const rng = createRng(7);
  const parts = (total: number) => ({ datapath: short(0.6 * total), registers: short(0.4 * total), total });
  const layers = FOLDINGS.flatMap((folding) =>
    LAYERS.map((name, i) => ({
      ...{ name, form: folding === "none" ? "parallel" : `${i + 1}×9`, cyclesPerFrame: 2304 },
      ...{ utilization: 0.5, areaUm2: parts(9000 * (i + 1)), energyPj: parts(700 * (i + 1)) },
    })),
  );
  const fronts = LAYERS.flatMap((freezePoint, depth) =>
    ["own", "shift"].flatMap((requantization) =>
      FOLDINGS.map((folding, f) => ({
        ...{ freezePoint, folding, requantization, periodPs: 5000, cyclesPerFrame: 2304 * (f + 1) },
        layers: LAYERS.slice(0, depth + 1).map((_, i) => f * LAYERS.length + i),
        ...{ latencyCycles: 40 + f, achievableClockMhz: 200, isMeasured: requantization === "own" },
        ...{ areaMm2: parts(short(0.3 * (depth + 1))), energyPerFrameUj: parts(short(2 * (depth + 1))) },
        scaled: {
          areaMm2: { low: 0.1, nominal: 0.2, high: 0.4 },
          energyPerFrameUj: { low: 1, nominal: 2, high: 4 },
        },
      })),
    ),
  );
  const accelerators = [0.1, 0.4, 1.6].map((areaMm2) => ({ name: `array of ${areaMm2} mm²`, areaMm2 }));
  const points = fronts.flatMap((_, front) =>
    accelerators.map(({ areaMm2: besideMm2 }, accelerator) => {
      const areaMm2 = short(besideMm2 + 0.05 * (1 + front) * (0.8 + 0.4 * rng.next()));
      const frontEnergyUj = short(0.4 + rng.next());
      const acceleratorEnergyUj = short(2 * rng.next() + 1);
      const energyPerFrameUj = short(frontEnergyUj + acceleratorEnergyUj);
      const framesPerSecond = short(100 + 4000 * rng.next() ** 2);
      const energyAt = (rate: number): number => energyPerFrameUj + (30 * areaMm2) / rate;
      const at = (of: (rate: number) => number) =>
        RATES.map((rate) => (rate > framesPerSecond ? null : short(of(rate))));
      return {
        ...{ front, accelerator, clockShare: 1, clockMhz: 300, areaMm2, frontEnergyUj, acceleratorEnergyUj },
        areaRangeMm2: { low: short(0.8 * areaMm2), high: short(1.3 * areaMm2) },
        ...{ dramEnergyUj: 3, energyPerFrameUj, framesPerSecond, latencyMs: short(1300 / framesPerSecond) },
        topsPerWatt: short((2e-6 * MACS) / energyPerFrameUj),
        topsPerWattRange: { low: 1, high: 9 },
        topsPerWattWithDram: short((2e-6 * MACS) / (energyPerFrameUj + 3)),
        gain: short(1 + rng.next()),
        atCamera: {
          energyPerFrameUj: at(energyAt),
          powerMw: at((rate) => energyAt(rate) * rate * 1e-3),
          topsPerWatt: at((rate) => (2e-6 * MACS) / energyAt(rate)),
          topsPerWattWithDram: at((rate) => (2e-6 * MACS) / (energyAt(rate) + 3)),
          gain: at((rate) => 1 + 100 / (rate + 100)),
          gainWithDram: at((rate) => 1 + 50 / (rate + 100)),
        },
      };
    }),
  );
  const freezePoints = LAYERS.map((layer, i) => ({
    ...{ layer, frozenLayers: i + 1, frozenMacs: (MACS * (i + 1)) / 5, loss: 0.004 * i },
    tasks: [{ dataset: "flowers", frozen: 0.9 - 0.004 * i, unfrozen: 0.9, images: 1000 }],
  }));
  return parseExploreResults({
    ...{ schema: exploreSchemaId, tool: { version: "0.1.0" }, source: "a fixture", seconds: 1 },
    ...{ tier: "modelled", node: "16 nm", accelerator: "generated engine", precision: "int8" },
    network: { name: "net", inputShape: [48, 48, 3], layers: 6, macs: MACS, ownRequantization: "lean" },
    technology: { name: "sky130hd", nodeNm: 130, source: "test" },
    ...{ freezePoints, layers, fronts, accelerators, points, cameraFramesPerSecond: RATES },
    ...{ pareto: [], answers: [], notes: ["a note"], cache: { computed: 0, found: 0, broken: 0 } },
  });
}
