import { compileEngine, type EngineConfig, type EngineProgram } from "../../src/accel/index.js";
import { FixynnError, type Rng } from "../../src/core/index.js";
import type { NodeName } from "../../src/graph/index.js";
import { executeQuantNetwork, type QuantNetwork, type QuantValues } from "../../src/quant/index.js";
import { type ArraySize, randomConfig, randomNetwork } from "./random-network.js";
import { randomValues } from "./random-quant-layer.js";

/** A program that stores every layer's output, random images `[frame][lane]`, and the golden executor's integers. */
export type RandomTask = {
  readonly program: EngineProgram;
  readonly images: readonly (readonly QuantValues[])[];
  readonly golden: (layer: NodeName, frame: number, lane: number) => QuantValues;
};

/** How much to draw. */
export type RandomTaskOptions = {
  readonly sizes: readonly ArraySize[];
  readonly networks: number;
  readonly frames: number;
  readonly lanes: number;
};

/** Compile a network; `undefined` where it does not fit this engine, which must be said. */
function compiled(network: QuantNetwork, config: EngineConfig): EngineProgram | undefined {
  try {
    return compileEngine({ network, config, keepAll: true });
  } catch (error) {
    if (error instanceof FixynnError && (error.code === "FX5111" || error.code === "FX5113"))
      return undefined;
    throw error;
  }
}

/** Draw an engine, and networks that run on it one after another; those that do not fit are left out. */
export function randomTasks(
  rng: Rng,
  { sizes, networks, frames, lanes }: RandomTaskOptions,
): { readonly config: EngineConfig; readonly tasks: readonly RandomTask[] } | undefined {
  const first = randomNetwork(rng);
  if (first === undefined) return undefined;
  const config = randomConfig(rng, first, sizes);
  // By the stream all images are of one size.
  const shape = config.input === null ? undefined : first.nodes[0]!.output.shape;
  const drawn = [first, ...Array.from({ length: networks - 1 }, () => randomNetwork(rng, shape))];
  const tasks = drawn.flatMap((network): RandomTask[] => {
    const program = network === undefined ? undefined : compiled(network, config);
    if (network === undefined || program === undefined) return [];
    const images = Array.from({ length: frames }, () =>
      Array.from({ length: lanes }, () => randomValues(rng, network.nodes[0]!.output)),
    );
    const outputs = program.layers.map(({ name }) => name);
    const golden = images.map((one) =>
      one.map((image) => executeQuantNetwork(network, Uint8Array.from(image), 1, { outputs })),
    );
    return [{ program, images, golden: (layer, frame, lane) => golden[frame]![lane]!.get(layer)! }];
  });
  return tasks.length === 0 ? undefined : { config, tasks };
}
