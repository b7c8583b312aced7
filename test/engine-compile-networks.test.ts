import { describe, expect, it } from "vitest";
import { compileEngine, type EngineProgram } from "../src/accel/index.js";
import { createRng, FixynnError } from "../src/core/index.js";
import { executeQuantNetwork } from "../src/quant/index.js";
import { fromWords, runFrames } from "./helpers/engine-run.js";
import { isFull } from "./helpers/environment.js";
import { randomConfig, randomNetwork } from "./helpers/random-network.js";
import { LAYER_KINDS, randomValues } from "./helpers/random-quant-layer.js";

type Tally = {
  compared: number;
  tiled: number;
  unsupported: number;
  noRoom: number;
  readonly kinds: Record<string, number>;
};

function compareNetwork(seed: number, keepAll: boolean, tally: Tally): void {
  const rng = createRng(seed);
  const network = randomNetwork(rng);
  if (network === undefined) return;
  const config = randomConfig(rng, network);
  let made: EngineProgram;
  try {
    made = compileEngine({ network, config, keepAll });
  } catch (error) {
    if (!(error instanceof FixynnError)) throw error;
    if (error.code === "FX5111") tally.noRoom++;
    else if (error.code === "FX5113") tally.unsupported++;
    else throw error;
    return;
  }
  const images = [0, 1, 2].map(() => randomValues(rng, network.nodes[0]!.output));
  const outputs = [...made.layers.map(({ name }) => name), network.output];
  const memories = runFrames(made, config, images);
  memories.forEach((memory, frame) => {
    const wanted = executeQuantNetwork(network, Uint8Array.from(images[frame]!), 1, { outputs });
    const place = `seed ${seed} frame ${frame}`;
    expect(fromWords(memory, made.result), place).toEqual([...wanted.get(network.output)!]);
    for (const { name, stored } of made.layers)
      if (keepAll) expect(fromWords(memory, stored!), `${place} ${name}`).toEqual([...wanted.get(name)!]);
  });
  tally.compared++;
  for (const { kind } of made.layers) tally.kinds[kind] = (tally.kinds[kind] ?? 0) + 1;
  if (made.layers.some(({ tiles }) => tiles > 1)) tally.tiled++;
}

/** Networks a test; more where all is tested. */
const COUNT = isFull ? 400 : 30;

describe("random networks through the engine", () => {
  for (const keepAll of [false, true])
    it(`gives the golden executor's bytes, three frames in a row${keepAll ? ", of every layer" : ""}`, () => {
      const tally: Tally = { compared: 0, tiled: 0, unsupported: 0, noRoom: 0, kinds: {} };
      for (let seed = 0; seed < COUNT; seed++) compareNetwork(1000 * Number(keepAll) + seed, keepAll, tally);
      expect(tally.compared).toBeGreaterThan(0.8 * COUNT);
      expect(tally.tiled).toBeGreaterThan(0.1 * COUNT);
      expect(Object.keys(tally.kinds)).toHaveLength(LAYER_KINDS.length);
    }, 600_000);
});
