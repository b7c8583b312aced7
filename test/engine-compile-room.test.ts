import { describe, expect, it } from "vitest";
import { compileEngine, type EngineConfig, type EngineProgram, engineShape } from "../src/accel/index.js";
import { createRng, FixynnError } from "../src/core/index.js";
import { executeQuantNetwork, type QuantNetwork } from "../src/quant/index.js";
import { fromWords, runFrames } from "./helpers/engine-run.js";
import { isFull } from "./helpers/environment.js";
import { randomConfig, randomNetwork } from "./helpers/random-network.js";
import { randomValues } from "./helpers/random-quant-layer.js";

/** Networks; more where all is tested. */
const COUNT = isFull ? 400 : 12;
const BANKS = 4;

/** What a refusal says. */
type Refusal = { readonly place: string | undefined; readonly needed: number; readonly available: number };

/** Compile, or read why there is no room; `undefined` for layers that the engine cannot compute. */
function attempt(network: QuantNetwork, config: EngineConfig): EngineProgram | Refusal | undefined {
  try {
    return compileEngine({ network, config, keepAll: true });
  } catch (error) {
    if (!(error instanceof FixynnError)) throw error;
    if (error.code === "FX5113") return undefined;
    expect(error.code).toBe("FX5111");
    expect(error.hint).toMatch(/activationBufferBytes/);
    const said = /(\d+) bytes needed, (\d+) available/.exec(error.message)!;
    return { place: error.place, needed: Number(said[1]), available: Number(said[2]) };
  }
}

describe("activation buffers from nothing on", () => {
  it("are refused with the layer and the bytes that it needs, until the bytes are right", () => {
    let [refused, compared, tiled] = [0, 0, 0];
    for (let seed = 0; seed < COUNT; seed++) {
      const rng = createRng(3000 + seed);
      const network = randomNetwork(rng);
      if (network === undefined) continue;
      const drawn = randomConfig(rng, network);
      const { wordBytes, slotWords } = engineShape(drawn);
      const slots = BANKS * wordBytes * slotWords * (drawn.input === null ? 0 : drawn.inputSlots);
      const least = BANKS * wordBytes * 4;
      let room = Math.max(least - slots, BANKS * wordBytes);
      for (let step = 0; ; step++) {
        expect(step, `seed ${seed}`).toBeLessThan(2 * network.nodes.length);
        const config = { ...drawn, activationBufferBytes: slots + room };
        const outcome = attempt(network, config);
        if (outcome === undefined) break;
        if ("needed" in outcome) {
          const { place, needed, available } = outcome;
          expect(network.nodes.map(({ name }) => `layer ${name}`)).toContain(place);
          expect(available, `seed ${seed}`).toBe(room);
          expect(needed, `seed ${seed}`).toBeGreaterThan(available);
          room = needed;
          refused++;
          continue;
        }
        const images = [
          randomValues(rng, network.nodes[0]!.output),
          randomValues(rng, network.nodes[0]!.output),
        ];
        const outputs = outcome.layers.map(({ name }) => name);
        runFrames(outcome, config, images).forEach((memory, frame) => {
          const wanted = executeQuantNetwork(network, Uint8Array.from(images[frame]!), 1, { outputs });
          for (const { name, stored } of outcome.layers)
            expect(fromWords(memory, stored!), `seed ${seed} frame ${frame} ${name}`).toEqual([
              ...wanted.get(name)!,
            ]);
        });
        compared++;
        if (outcome.layers.some(({ tiles }) => tiles > 1)) tiled++;
        break;
      }
    }
    expect(compared).toBeGreaterThan(0.8 * COUNT);
    expect(tiled).toBeGreaterThan(0.5 * COUNT);
    expect(refused).toBeGreaterThan(COUNT);
  }, 600_000);
});
