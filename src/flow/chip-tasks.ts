import {
  checkEngineConfig,
  compileEngine,
  type EngineConfig,
  type EngineProgram,
  engineConfig,
  type PackedNetwork,
  packForEngine,
} from "../accel/index.js";
import { FixynnError, sum } from "../core/index.js";
import type { NodeName } from "../graph/index.js";
import type { QuantNetwork } from "../quant/index.js";

/** One of the networks whose tails a chip can run. */
export type ChipTask = {
  readonly name: string;
  readonly network: QuantNetwork;
  readonly program: EngineProgram;
  /** How the image is packed, where the engine takes it from memory. */
  readonly packed?: PackedNetwork | undefined;
};

/** A network to compile, with a name of its own. */
export type NamedNetwork = { readonly name: string; readonly network: QuantNetwork };

/** An engine and the tasks compiled for it. */
export type CompiledTasks = { readonly config: EngineConfig; readonly tasks: readonly ChipTask[] };

/** An engine that is asked for: what is not given has its default. */
export type EngineRequest = Pick<EngineConfig, "cPar" | "kPar"> & Partial<EngineConfig>;

/** Compile each network for one engine; with nothing frozen (`null`) from its image on, packed as suits the engine. */
function compileTasks(
  networks: readonly NamedNetwork[],
  config: EngineConfig,
  freezePoint: NodeName | null,
): CompiledTasks {
  checkEngineConfig(config);
  const tasks = networks.map(({ name, network }): ChipTask => {
    if (freezePoint !== null)
      return { name, network, program: compileEngine({ network, config, from: freezePoint }) };
    const packed = packForEngine(network, config);
    const program = compileEngine({ network: packed?.network ?? network, config });
    return { name, network, program, packed };
  });
  return { config, tasks };
}

/** Sizes of the activation memory that are tried, doubling. */
const ACTIVATION_BYTES = { least: 8 * 1024, most: 4 * 1024 * 1024 } as const;

/** Find the smallest activation memory in which every task keeps its tensors on chip, or else the one with the least traffic. */
function leastActivations(
  networks: readonly NamedNetwork[],
  given: Omit<EngineRequest, "activationBufferBytes">,
  freezePoint: NodeName | null,
): CompiledTasks {
  let best: { readonly compiled: CompiledTasks; readonly bytes: number } | undefined;
  let refused: unknown;
  for (let bytes: number = ACTIVATION_BYTES.least; bytes <= ACTIVATION_BYTES.most; bytes *= 2) {
    let compiled: CompiledTasks;
    try {
      compiled = compileTasks(
        networks,
        engineConfig({ ...given, activationBufferBytes: bytes }),
        freezePoint,
      );
    } catch (error) {
      refused = error;
      // Too small: FX5100 for the stream's frames, FX5111 for a tile; too large: FX5100 again.
      if (error instanceof FixynnError && ["FX5100", "FX5111"].includes(error.code)) continue;
      throw error;
    }
    const moved = sum(compiled.tasks.map(({ program }) => program.externalBytes.transfers));
    if (best === undefined || moved < best.bytes) best = { compiled, bytes: moved };
    if (compiled.tasks.every(({ program }) => program.scratchBytes === 0)) break;
  }
  if (best === undefined) throw refused;
  return best.compiled;
}

/**
 * Compile networks for an engine; its activation memory, unless given, is the smallest in which every task keeps its tensors on chip.
 *
 * @param freezePoint the layer behind which the engine computes; `null` for all of the network
 * @throws FixynnError FX5100 for an engine that cannot be built, FX5111 to FX5115 for what it cannot compute
 */
export const compileForEngine = (
  networks: readonly NamedNetwork[],
  engine: EngineRequest,
  freezePoint: NodeName | null,
): CompiledTasks =>
  engine.activationBufferBytes === undefined
    ? leastActivations(networks, engine, freezePoint)
    : compileTasks(networks, engineConfig(engine), freezePoint);
