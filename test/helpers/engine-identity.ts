import { engineConfig } from "../../src/accel/config.js";
import { interpretProgram } from "../../src/accel/interpret/index.js";
import { SPACES } from "../../src/accel/isa/index.js";
import { createRng } from "../../src/core/index.js";
import { tensorOf, transfer } from "./engine-convolutions.js";
import { type HandConvolution, type HandDescriptor, type HandTensor, handProgram } from "./engine-program.js";

export const config = engineConfig({ cPar: 8, kPar: 8, stripePixels: 16 });
export const source: HandTensor = { height: 4, width: 4, channels: 8, start: 0 };
export const target: HandTensor = { ...source, start: 4 };
export const identity: HandConvolution = {
  windowed: true,
  source,
  target,
  kernel: { rows: 1, columns: 1 },
  stride: 1,
  before: 0,
  stripe: { rows: 2, columns: 4 },
  weight: () => 1,
  parameters: () => ({ bias: 0, multiplier: 1, shift: 0 }),
};
export const random = (seed: number): Uint8Array => tensorOf(createRng(seed), source);
export const image = random(5);
export const load = transfer("load", source, config, { space: SPACES.image });
export const end: HandDescriptor = { kind: "end" };
export const runOf = (descriptors: readonly HandDescriptor[], on = config) =>
  interpretProgram({
    config: on,
    program: handProgram(on, descriptors),
    image: { bytes: image, stride: 0 },
  });
