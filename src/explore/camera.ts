import { type AcceleratorRun, alike, type Chip, frameEnergyUj, mostFramesPerSecond } from "../cost/index.js";
import { rounded } from "./rounded.js";
import type { CameraFigures } from "./types.js";

const nominal = alike("nominal");

/** How many times less energy a chip takes than another for the same frame at the same rate, without DRAM and with it. */
export function gainOver(
  other: Chip,
  chip: Chip,
  framesPerSecond: { readonly other: number; readonly chip: number },
): { readonly gain: number; readonly gainWithDram: number } {
  const theirs = frameEnergyUj(other, framesPerSecond.other, nominal);
  const ours = frameEnergyUj(chip, framesPerSecond.chip, nominal);
  return {
    gain: rounded(theirs.chip / ours.chip),
    gainWithDram: rounded((theirs.chip + theirs.dram) / (ours.chip + ours.dram)),
  };
}

/**
 * Describe a design at rates that a camera gives, as `compareAtEqualArea` does: work of both parts, idle power of whoever waits, leakage over the
 * whole period.
 *
 * @param wholeAt the all-programmable accelerator of the same area that takes least power at a rate
 */
export function cameraFigures(
  chip: Chip,
  {
    macs,
    cameraFramesPerSecond,
  }: { readonly macs: number; readonly cameraFramesPerSecond: readonly number[] },
  wholeAt: (framesPerSecond: number) => AcceleratorRun | undefined,
): CameraFigures {
  const most = mostFramesPerSecond(chip).nominal;
  const megaOperations = 2e-6 * macs;
  const all = cameraFramesPerSecond.map((rate) => {
    if (most < rate) return undefined;
    const { chip: uj, dram } = frameEnergyUj(chip, rate, nominal);
    const whole = wholeAt(rate);
    return {
      energyPerFrameUj: rounded(uj),
      powerMw: rounded(uj * rate * 1e-3),
      topsPerWatt: rounded(megaOperations / uj),
      topsPerWattWithDram: rounded(megaOperations / (uj + dram)),
      ...(whole === undefined ? {} : gainOver({ run: whole }, chip, { other: rate, chip: rate })),
    };
  });
  const column = (name: keyof CameraFigures): readonly (number | null)[] =>
    all.map((figures) => figures?.[name] ?? null);
  return {
    energyPerFrameUj: column("energyPerFrameUj"),
    powerMw: column("powerMw"),
    topsPerWatt: column("topsPerWatt"),
    topsPerWattWithDram: column("topsPerWattWithDram"),
    gain: column("gain"),
    gainWithDram: column("gainWithDram"),
  };
}
