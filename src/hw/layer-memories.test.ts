import { describe, expect, it } from "vitest";
import { randomImages } from "../../test/helpers/check-front.js";
import { randomFolding, randomFront } from "../../test/helpers/random-front.js";
import { createRng } from "../core/index.js";
import { createSimulator, flatten, lowerDesign, simulateStream } from "../sim/index.js";
import { compileFrontEnd, type FrontEnd, frontEndDesign, streamOf } from "./front.js";
import { type LayerMemory, storedBits } from "./layer-memories.js";

/** Memory bits that a front reads and writes in so many frames at full speed, by simulation. */
function simulatedBits(front: FrontEnd, frames: number): { readonly read: number; readonly written: number } {
  const [input, output] = [streamOf(front.input), streamOf(front.output)];
  const module = flatten(lowerDesign(frontEndDesign(front)));
  const { toggles } = simulateStream(createSimulator(module, { lanes: 1, countToggles: true }), {
    inputs: [randomImages(3, frames * input.beats * input.channels)],
    valuesPerBeat: { input: input.channels, output: output.channels },
    bits: { input: input.bits, output: output.bits },
    signed: front.output.signed,
    frames,
    outputBeatsPerFrame: output.beats,
  });
  return { read: toggles.ramReadBits, written: toggles.ramWriteBits };
}

describe("memories of a layer", () => {
  it("are read and written as often as the simulated front does, parallel and folded", () => {
    const kinds = new Set<string>();
    for (let seed = 0; seed < 30; seed++) {
      const rng = createRng(4000 + seed);
      const network = randomFront(rng, { layers: 1, mode: "lean", channels: 5, side: 7 });
      const folding = { kind: "given", layers: randomFolding(rng, network) } as const;
      const front = compileFrontEnd(network, network.output, seed % 3 === 0 ? {} : { folding });
      const memories = front.layers.flatMap(({ stats }) => stats.memories);
      for (const { name } of memories) kinds.add(name.replace(/\d+$/, ""));
      // One frame more, so that neither the first frame's start nor the last one's end counts.
      const [few, more] = [simulatedBits(front, 3), simulatedBits(front, 4)];
      const bits = (of: (memory: LayerMemory) => number): number =>
        memories.reduce((sum, memory) => sum + memory.bits * of(memory), 0);
      expect([seed, more.read - few.read]).toEqual([seed, bits(({ readsPerFrame }) => readsPerFrame)]);
      expect([seed, more.written - few.written]).toEqual([
        seed,
        bits(({ writesPerFrame }) => writesPerFrame),
      ]);
      for (const { stats } of front.layers) {
        expect(stats.sramBits).toBe(storedBits(stats.memories, "ram"));
        expect(stats.memories.every(({ kind, ports }) => ports === (kind === "ram" ? 2 : 1))).toBe(true);
      }
    }
    for (const kind of ["line_buffer", "ring", "fifo"]) expect(kinds).toContain(kind);
  });
});
