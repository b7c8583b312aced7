import { expect, it } from "vitest";
import { measureFrame } from "../bench/accel-rtl.js";
import { predictCycles } from "../src/accel/cycles/index.js";
import { compileEngine } from "../src/accel/index.js";
import { createRng, FixynnError, type Rng } from "../src/core/index.js";
import { quantInput } from "../src/quant/index.js";
import { isFull } from "./helpers/environment.js";
import { type ArraySize, randomConfig, randomNetwork } from "./helpers/random-network.js";
import { pick, randomValues } from "./helpers/random-quant-layer.js";

const PROGRAMS = isFull ? 600 : 15;
const SIZES: readonly ArraySize[] = [
  [4, 4],
  [8, 8],
  [8, 16],
  [16, 16],
];
const TOLERANCE = 0.05;
/** Cycles that short layers may be off beside that. */
const SHORT_CYCLES = 10;

/** Longer frames take our simulator too long. */
const MOST_CYCLES = isFull ? 200_000 : 30_000;

/** Draw a network, an engine that has room for it, and a memory. */
function drawn(rng: Rng) {
  for (;;) {
    const network = randomNetwork(rng);
    if (network === undefined) continue;
    const config = randomConfig(rng, network, SIZES);
    // Our memory moves sixteenths of a byte.
    const bytesPerCycle = Math.round((16 * config.axiDataBytes) / pick(rng, 1, 1.5, 2, 3, 4)) / 16;
    const memory = { latencyCycles: 5 + rng.integer(80), bytesPerCycle };
    try {
      const program = compileEngine({ network, config });
      const [frame] = predictCycles({ config, program: program.bytes, memory });
      if (frame!.end > MOST_CYCLES) continue;
      return { network, config, memory, program };
    } catch (error) {
      if (!(error instanceof FixynnError && ["FX5111", "FX5113"].includes(error.code))) throw error;
    }
  }
}

it("the cycle model is within 5 % of the RTL on each layer of random networks, engines and memories", () => {
  const rng = createRng(Number(process.env["FIXYNN_SEED"] ?? 21));
  let layers = 0;
  let worst = 0;
  for (let i = 0; i < PROGRAMS; i++) {
    const { network, config, memory, program } = drawn(rng);
    const image = randomValues(rng, quantInput(network).output);
    const { input, layerEnds } = measureFrame(config, program, image, memory);
    const timing = input === undefined ? {} : { input };
    const [frame] = predictCycles({ config, program: program.bytes, memory, ...timing });
    const ends = frame!.layers.map(({ end }) => end - frame!.start);
    expect(ends.length).toBe(layerEnds.length);
    let before = -1;
    for (const layer of program.layers) {
      const last = frame!.layers.findLastIndex(({ descriptor }) => descriptor < layer.descriptors[1]);
      const own = (all: readonly number[]): number => all[last]! - (all[before] ?? 0);
      const [model, rtl] = [own(ends), own(layerEnds)];
      before = last;
      layers++;
      const off = Math.abs(model - rtl);
      if (off > SHORT_CYCLES) worst = Math.max(worst, off / rtl);
      const shown = `program ${i}, ${layer.kind} ${layer.name}: ${model} cycles in the model, ${rtl} in the RTL; ${JSON.stringify({ ...config, ...memory })}`;
      expect(off, shown).toBeLessThanOrEqual(Math.max(TOLERANCE * rtl, SHORT_CYCLES));
    }
  }
  expect(layers).toBeGreaterThan(3 * PROGRAMS);
  process.stderr.write(`cycle model: ${layers} layers, the worst ${(100 * worst).toFixed(1)} % off\n`);
}, 900_000);
