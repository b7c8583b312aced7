import { describe, expect, test } from "vitest";
import { type HandDescriptor, handProgram, unweighted } from "../../../test/helpers/engine-program.js";
import { EngineTimer } from "../../../test/helpers/engine-timing.js";
import { type EngineConfig, engineConfig } from "../config.js";
import { predictCycles } from "./index.js";

const small = { stripePixels: 64, activationBufferBytes: 16 * 1024 };
const engines: readonly EngineConfig[] = [
  engineConfig({ cPar: 4, kPar: 4, weightBufferBytes: 2048, ...small }),
  engineConfig({
    cPar: 4,
    kPar: 8,
    weightBits: 9,
    requantizers: 2,
    multiplierBits: 32,
    weightBufferBytes: 1024,
    axiDataBytes: 8,
    ...small,
  }),
];

/** Programs that a unit each holds up: weights, sums, groups of parameters, blocks of every stripe, transfers. */
function programsOf(config: EngineConfig): Readonly<Record<string, readonly HandDescriptor[]>> {
  const layer = (channelPasses: number, rows: number, columns: number, values: object = {}) =>
    unweighted(config, {
      channelPasses,
      passes: channelPasses,
      height: 8,
      width: 8,
      pixelWords: channelPasses,
      rowWords: 8 * channelPasses,
      columnStepWords: channelPasses,
      lastStripeRows: rows,
      lastStripeColumns: columns,
      ...values,
    });
  const after = { waitLayers: 1 };
  const stripes = { rowStripes: 4, stripeRows: 4, stripeSourceRows: 4 };
  const moved = { start: 100, rows: 4, rowWords: 60 };
  const many = { start: 400, rows: 8, rowWords: 150 };
  return {
    "short passes": [layer(20, 1, 2), layer(20, 1, 2, after)],
    "passes that keep a distance": [layer(20, 1, 2, { emitEvery: 9 }), layer(20, 3, 1, after)],
    "long passes": [layer(4, 8, 8), layer(4, 8, 8, after)],
    "slow drain": [layer(2, 4, 8, stripes), layer(2, 4, 8, { ...stripes, ...after, multiplierPasses: 4 })],
    groups: [layer(3, 8, 8, { groups: 3 }), layer(1, 4, 8, { groups: 4, ...after })],
    streamed: [layer(3, 2, 8, { groups: 2, ...stripes, stripeRows: 2, weightsStream: 1 })],
    transfers: [
      { kind: "load", values: moved },
      layer(6, 8, 8, { waitTransfers: 1 }),
      { kind: "store", values: { ...moved, waitLayers: 1 } },
      layer(6, 8, 8, after),
    ],
    "a store beside weights": [
      { kind: "store", values: { start: 100, rows: 8, rowWords: 100 } },
      layer(30, 1, 2, { groups: 8 }),
      layer(2, 8, 8, after),
    ],
    "transfers one after another": [
      layer(2, 4, 8),
      { kind: "store", values: { ...moved, waitLayers: 1 } },
      { kind: "store", values: { start: 600, rows: 1, rowWords: 5, waitTransfers: 1 } },
      { kind: "load", values: { start: 700, rows: 1, rowWords: 5 } },
      { kind: "load", values: { start: 800, rows: 1, rowWords: 1, waitTransfers: 3 } },
      { kind: "store", values: { start: 600, rows: 1, rowWords: 2 } },
      layer(2, 8, 8, { waitTransfers: 5, ...after }),
    ],
    "loads beside the drain": [
      layer(2, 4, 8),
      { kind: "load", values: { ...many, waitLayers: 1 } },
      layer(1, 8, 8, { groups: 12, ...after }),
      layer(2, 8, 8, { waitTransfers: 1, waitLayers: 2 }),
      { kind: "load", values: { ...many, waitTransfers: 1, waitLayers: 3 } },
      layer(1, 8, 8, { groups: 6, waitLayers: 3, multiplierPasses: 2 }),
      layer(1, 8, 8, { waitTransfers: 2, waitLayers: 4 }),
    ],
  };
}

describe("predictCycles and the engine's netlist", () => {
  test.each(engines)(
    "agree within 0.5 % on each layer, or a tenth of the memory's answer, $cPar×$kPar",
    { timeout: 120_000 },
    (config) => {
      const timer = new EngineTimer(config);
      const memories = [
        { latencyCycles: 10, bytesPerCycle: config.axiDataBytes },
        { latencyCycles: 40, bytesPerCycle: config.axiDataBytes / 4 },
        { latencyCycles: 20, bytesPerCycle: Math.round((16 * config.axiDataBytes) / 3) / 16 },
        // More than the bursts of weights that may be under way cover.
        { latencyCycles: 400, bytesPerCycle: config.axiDataBytes },
      ];
      for (const memory of memories)
        for (const [name, descriptors] of Object.entries(programsOf(config))) {
          const program = handProgram(config, [...descriptors, { kind: "end" }]);
          const { layerEnds } = timer.frame(program, memory, descriptors.length);
          const predicted = predictCycles({ config, program, memory })[0]!.layers.map(({ end }) => end);
          const shown = `${name}, latency ${memory.latencyCycles}: ${predicted} predicted, ${layerEnds} in the netlist`;
          expect(predicted.length, shown).toBe(layerEnds.length);
          predicted.forEach((end, i) => {
            const own = layerEnds[i]! - (layerEnds[i - 1] ?? 0);
            const error = end - (predicted[i - 1] ?? 0) - own;
            const most = Math.max(0.005 * own, memory.latencyCycles / 10);
            expect(Math.abs(error), shown).toBeLessThanOrEqual(most);
          });
        }
    },
  );
});
