import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { randomImages } from "../../../test/helpers/check-front.js";
import { requireShared } from "../../../test/helpers/environment.js";
import { randomFront } from "../../../test/helpers/random-front.js";
import { createRng, FixynnError } from "../../core/index.js";
import {
  compileFrontEnd,
  emitFrontEnd,
  type FrontEnd,
  type FrontFolding,
  streamOf,
  TOP_MODULE,
} from "../../hw/index.js";
import { executeQuantNetwork, type QuantNetwork } from "../../quant/index.js";
import { createSimulator, simulateStream } from "../../sim/index.js";
import { type CellLibrary, readCellLibrary } from "../cell-library/index.js";
import { readTechnology } from "../technology.js";
import { defaultEngine, type SynthesisEngine, wasmEngine } from "./engine.js";
import { mapLayers } from "./map-layers.js";
import type { MappedNetlist } from "./mapped-netlist.js";
import { mappedToSim } from "./to-sim.js";

const TIMEOUT = 240_000;

/** Run a mapped front on random images and compare with the integer network. */
function expectSameBytes(
  network: QuantNetwork,
  front: FrontEnd,
  netlist: MappedNetlist,
  library: CellLibrary,
): void {
  const [input, output] = [streamOf(front.input), streamOf(front.output)];
  const lanes = 4;
  const size = input.beats * input.channels;
  const images = randomImages(7, lanes * size);
  const wanted = executeQuantNetwork(network, images, lanes, { outputs: [front.freezePoint] }).get(
    front.freezePoint,
  )!;
  const perLane = output.beats * output.channels;
  const result = simulateStream(createSimulator(mappedToSim(netlist, library), { lanes }), {
    inputs: Array.from({ length: lanes }, (_, l) => images.subarray(l * size, (l + 1) * size)),
    valuesPerBeat: { input: input.channels, output: output.channels },
    bits: { input: input.bits, output: output.bits },
    signed: front.output.signed,
    frames: 1,
    outputBeatsPerFrame: output.beats,
    backpressure: { rng: createRng(3), idle: 0.3, stall: 0.3 },
  });
  for (const [l, values] of result.outputs.entries())
    expect(Array.from(values)).toEqual(Array.from(wanted.subarray(l * perLane, (l + 1) * perLane)));
}

const technologyOf = ({ names }: CellLibrary) =>
  readTechnology(names.join().includes("sg13g2") ? "sg13g2" : "sky130hd");

async function mapFront(
  network: QuantNetwork,
  folding: FrontFolding,
  library: CellLibrary,
  engine: SynthesisEngine,
) {
  const front = compileFrontEnd(network, network.output, { folding });
  const layers = [{ name: "front", module: TOP_MODULE }];
  const mapping = (
    await mapLayers(layers, emitFrontEnd(front), { library, technology: technologyOf(library), engine })
  ).get("front")!;
  if (mapping.kind === "failed") throw new Error(mapping.message);
  return { front, netlist: mapping.netlist() };
}

const shared = (context: Parameters<typeof requireShared>[0], file: string): CellLibrary =>
  readCellLibrary([join(requireShared(context, "tech"), file)]);

describe("mapLayers", () => {
  for (const kind of ["none", "auto"] as const) {
    it(
      `gives netlists that compute what the integer network computes, folding ${kind}`,
      async (context) => {
        const library = shared(context, "sky130hd_tt.lib.gz");
        for (const seed of [21, 22]) {
          const network = randomFront(createRng(seed), { layers: 2, mode: "lean" });
          const { front, netlist } = await mapFront(network, { kind }, library, defaultEngine());
          expectSameBytes(network, front, netlist, library);
        }
      },
      TIMEOUT,
    );
  }

  it(
    "needs nothing but the npm package, and a library without adder cells or clock gates",
    async (context) => {
      const library = shared(context, "sg13g2_typ.lib.gz");
      const network = randomFront(createRng(23), { layers: 1, mode: "lean" });
      const { front, netlist } = await mapFront(network, { kind: "none" }, library, wasmEngine);
      expectSameBytes(network, front, netlist, library);
    },
    TIMEOUT,
  );

  it(
    "keeps the other layers when Yosys crashes or hangs on one",
    async (context) => {
      const library = shared(context, "sg13g2_typ.lib.gz");
      const network = randomFront(createRng(24), { layers: 3, mode: "lean" });
      const front = compileFrontEnd(network, network.output);
      const layers = front.layers.map(({ node, name }) => ({ name: node.name as string, module: name }));
      const engine: SynthesisEngine = {
        name: "fake",
        async run(job, limits) {
          if (job.name.startsWith(layers[0]!.module))
            throw new FixynnError("FX6021", "Yosys: Segmentation fault");
          if (job.name.startsWith(layers[1]!.module)) {
            await new Promise((resolve) => setTimeout(resolve, limits.timeoutSeconds * 1000));
            throw new FixynnError("FX6022", "Yosys: no result");
          }
          return defaultEngine().run(job, { ...limits, timeoutSeconds: 200 });
        },
      };
      const mapped = await mapLayers(layers, emitFrontEnd(front), {
        ...{ library, technology: technologyOf(library) },
        ...{ engine, timeoutSeconds: 1 },
      });
      expect([...mapped.keys()]).toEqual(layers.map(({ name }) => name));
      const kinds = [...mapped.values()].map((mapping) =>
        mapping.kind === "failed" ? mapping.code : mapping.kind,
      );
      expect(kinds).toEqual(["FX6021", "FX6022", "mapped"]);
    },
    TIMEOUT,
  );

  it(
    "keeps the other layers when what Yosys wrote for one makes no sense",
    async (context) => {
      const library = shared(context, "sg13g2_typ.lib.gz");
      const network = randomFront(createRng(25), { layers: 2, mode: "lean" });
      const front = compileFrontEnd(network, network.output);
      const layers = front.layers.map(({ node, name }) => ({ name: node.name as string, module: name }));
      const engine: SynthesisEngine = {
        name: "fake",
        run: async (job, limits) =>
          job.name.startsWith(layers[0]!.module) ? "{}" : defaultEngine().run(job, limits),
      };
      const options = { library, technology: technologyOf(library), engine };
      const mapped = await mapLayers(layers, emitFrontEnd(front), options);
      expect(mapped.get(layers[0]!.name)).toMatchObject({ kind: "failed", code: "FX7063" });
      expect(mapped.get(layers[1]!.name)).toMatchObject({ kind: "mapped" });
    },
    TIMEOUT,
  );
});
