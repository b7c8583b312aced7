import { crc32 } from "node:zlib";
import type { EngineConfig } from "./config.js";

/**
 * Identify an engine by the CRC-32 of its configuration in canonical JSON, 32 bits unsigned. A program carries the fingerprint of the engine
 * that it was compiled for, and the engine refuses any other.
 */
export function engineFingerprint(config: EngineConfig): number {
  const { input } = config;
  const canonical = [
    config.cPar,
    config.kPar,
    config.weightBits,
    config.requantizers,
    config.multiplierBits,
    config.stripePixels,
    config.weightBufferBytes,
    config.activationBufferBytes,
    config.axiDataBytes,
    config.burstBeats,
    input === null ? null : [input.height, input.width, input.channels],
    config.inputSlots,
  ];
  return crc32(JSON.stringify(canonical)) >>> 0;
}
