import { FixynnError } from "../../core/index.js";
import type { Technology, TechnologyCell, TechnologyFlipFlop, TechnologyLatch } from "../technology.js";
import { extendFlipFlop, type Gates, type InnerNet } from "./compose.js";
import { type FlipFlopKind, flipFlops, measureFlipFlop, pickFlipFlop } from "./flip-flops.js";
import { latches, measureLatch, muxLatch, pickLatch } from "./latches.js";
import type { LibertyLibrary } from "./liberty-library.js";
import type { Point } from "./measure.js";

/** What reading a library needs. */
export type Context = { readonly point: Point; readonly net: InnerNet; readonly warnings: Set<string> };

type FlipFlops = Pick<
  Technology["cells"],
  "flipFlop" | "enableFlipFlop" | "syncResetFlipFlop" | "scanFlipFlop"
>;

/**
 * Read the flip-flops of each kind, composing what is absent.
 *
 * @throws FixynnError FX7005 without a rising-edge flip-flop
 */
export function importFlipFlops(
  libraries: readonly LibertyLibrary[],
  gates: Gates & { readonly mux2: TechnologyCell },
  { point, net, warnings }: Context,
  files: string,
): FlipFlops {
  const { inverter, mux2, and2 } = gates;
  const plain = pickFlipFlop(
    flipFlops(libraries, "plain", warnings).filter((c) => !c.forbidden),
    inverter.areaUm2,
  );
  if (!plain) {
    throw new FixynnError("FX7005", "the library has no usable rising-edge flip-flop cell", {
      place: files,
      hint: "give all files of the library together",
    });
  }
  if (plain.asynchronous)
    warnings.add(`flip-flop: ${plain.name} has an asynchronous reset; the library has none without`);
  const raw = measureFlipFlop(plain, point, warnings);
  const inverted = plain.outputs.every((o) => o.inverted);
  const flipFlop = inverted ? extendFlipFlop(raw, inverter, "after", net) : raw;
  if (inverted) warnings.add(`flip-flop: ${plain.name} has an inverted output; an inverter is charged`);

  const special = (kind: FlipFlopKind, cell: TechnologyCell): TechnologyFlipFlop => {
    // Like for like: a reset that the plain one has not is no cost of the other function.
    const found = flipFlops(libraries, kind, warnings).filter((c) => c.asynchronous === plain.asynchronous);
    const allowed = kind === "scan" ? found : found.filter((c) => !c.forbidden && !c.asynchronous);
    const candidate = pickFlipFlop(allowed, inverter.areaUm2);
    const composed = extendFlipFlop(flipFlop, cell, "before", net);
    if (!candidate) return composed;
    const measured = measureFlipFlop(candidate, point, warnings);
    const opposite = candidate.outputs.every((o) => o.inverted);
    const own = opposite ? extendFlipFlop(measured, inverter, "after", net) : measured;
    return own.areaUm2 <= composed.areaUm2 ? own : composed;
  };
  return {
    flipFlop,
    enableFlipFlop: special("enable", mux2),
    syncResetFlipFlop: special("syncReset", and2),
    scanFlipFlop: special("scan", mux2),
  };
}

/** Read the smallest latch, and the one that a clock gate is best made of (open while the clock is low). */
export function importLatches(
  libraries: readonly LibertyLibrary[],
  mux2: TechnologyCell,
  point: Point,
  warnings: Set<string>,
): { readonly latch: TechnologyLatch; readonly forGate: TechnologyLatch; readonly gateOpenAt: boolean } {
  const found = latches(libraries, warnings);
  const smallest = pickLatch(found);
  if (!smallest) {
    const latch = muxLatch(mux2, libraries[0]?.units.supplyV ?? 0);
    warnings.add(`latch: the library has none; a multiplexer fed back is charged: ${latch.cell}`);
    return { latch, forGate: latch, gateOpenAt: false };
  }
  const low = pickLatch(found, false) ?? smallest;
  return {
    latch: measureLatch(smallest, point, warnings),
    forGate: measureLatch(low, point, warnings),
    gateOpenAt: low.openAt,
  };
}
