import { type EngineConfig, engineConfig, engineShape } from "../../accel/index.js";

/** Arrays that ship with their cells counted and mapped, and that a choice is made from: channels × lanes. */
export const shapeChannels = [4, 8, 16, 32, 64] as const;
export const shapeLanes = [4, 8, 16, 32] as const;

/** Multipliers from which on the memory port has beats of 32 bytes, else 16. */
const WIDE_PORT_MULTIPLIERS = 1024;

/** Requantizers of an array: one a lane, or one for four. */
export const shapeRequantizers = (kPar: number): readonly number[] => [kPar / 4, kPar];

/** An engine of a shape with its usual stripes and port: 8-bit weights, multipliers of 16 bits. */
export const shapeConfig = (
  given: Pick<EngineConfig, "cPar" | "kPar"> & Partial<EngineConfig>,
): EngineConfig =>
  engineConfig({ axiDataBytes: given.cPar * given.kPar >= WIDE_PORT_MULTIPLIERS ? 32 : 16, ...given });

/** The same with a stream input of pixels as wide as a word, so that the unit is there. */
export function streamedShape(config: EngineConfig): EngineConfig {
  const { wordBytes } = engineShape(config);
  return { ...config, input: { height: 16, width: 16, channels: wordBytes } };
}

/** All shapes. */
export const engineShapes: readonly EngineConfig[] = shapeChannels.flatMap((cPar) =>
  shapeLanes.flatMap((kPar) =>
    shapeRequantizers(kPar).map((requantizers) => shapeConfig({ cPar, kPar, requantizers })),
  ),
);
