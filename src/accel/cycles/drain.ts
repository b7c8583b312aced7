import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import type { StripeWork } from "./loops.js";

/** What the drain works with; all are called in the cycle that they speak of. */
export type DrainContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  /** A pass may start in a bank of sums that is free. */
  readonly bankFree: () => void;
  /** Parameters may be read into a bank that is free. */
  readonly parametersFree: () => void;
  /** The layer's last byte is in memory. */
  readonly layerEnds: () => void;
};

/** The drain: stripes one after the other, pixel by pixel. */
export class Drain {
  readonly #context: DrainContext;
  /** The last step of the stripe at work. */
  #busyUntil = 0;
  /** Words that stripes have written, and stripes whose words are not all written: the cycle before their first word. */
  #written = 0;
  #writing: { readonly before: number; readonly pixels: number; readonly pixelCycles: number }[] = [];

  constructor(context: DrainContext) {
    this.#context = context;
  }

  /**
   * Take a stripe whose sums are complete in a cycle to come.
   *
   * @param pixelCycles steps a pixel takes
   */
  stripe({ pixels, groupLast, layerLast }: StripeWork, sumsAt: number, pixelCycles: number): void {
    const { agenda, latencies, bankFree, parametersFree, layerEnds } = this.#context;
    const begin = Math.max(sumsAt + latencies.sumsToDrain, this.#busyUntil);
    const end = begin + pixels * pixelCycles;
    this.#busyUntil = end;
    // Those that are written are forgotten.
    this.writes();
    this.#writing.push({ before: begin + latencies.stepToLayerEnd - 1, pixels, pixelCycles });
    agenda.at(end - pixelCycles + 1 + latencies.stepToBank, bankFree);
    if (groupLast) agenda.at(end + latencies.stepToParameters, parametersFree);
    if (layerLast) agenda.at(end + latencies.stepToLayerEnd, layerEnds);
  }

  /** Words that were written into the activation memory until now, this cycle included. */
  writes(): number {
    const { now } = this.#context.agenda;
    let open = 0;
    this.#writing = this.#writing.filter(({ before, pixels, pixelCycles }) => {
      const words = Math.min(pixels, Math.max(0, Math.floor((now - before) / pixelCycles)));
      if (words < pixels) open += words;
      else this.#written += pixels;
      return words < pixels;
    });
    return this.#written + open;
  }
}
