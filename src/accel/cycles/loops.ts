import type { LayerValues } from "../interpret/decode.js";
import { isSmallStripe } from "../rtl/walker.js";

/** A pass of the array, as far as time goes. */
export type PassWork = {
  readonly fetches: number;
  /** The stripe's first pass: it needs a bank of sums. */
  readonly opens: boolean;
  /** The stripe's next pass keeps a distance. */
  readonly small: boolean;
  /** The stripe's last pass: what the drain gets. */
  readonly closes: StripeWork | undefined;
};

/** A stripe as the drain sees it. */
export type StripeWork = {
  readonly pixels: number;
  readonly groupLast: boolean;
  readonly layerLast: boolean;
};

/** List the passes of a layer in their order. */
export function* passesOf(v: LayerValues): Generator<PassWork> {
  for (let group = 0; group < v.groups; group++)
    for (let row = 0; row < v.rowStripes; row++)
      for (let column = 0; column < v.columnStripes; column++) {
        const [lastRow, lastColumn] = [row === v.rowStripes - 1, column === v.columnStripes - 1];
        const rows = lastRow ? v.lastStripeRows : v.stripeRows;
        const columns = lastColumn ? v.lastStripeColumns : v.stripeColumns;
        const groupLast = lastRow && lastColumn;
        const stripe = { pixels: rows * columns, groupLast, layerLast: groupLast && group === v.groups - 1 };
        for (let pass = 0; pass < v.passes; pass++) {
          const columnPass = Math.floor(pass / v.channelPasses) % v.columnPasses;
          const width = columnPass === v.columnPasses - 1 ? v.lastColumns : v.columns;
          yield {
            fetches: rows * ((columns - 1) * v.emitEvery + width),
            opens: pass === 0,
            small: isSmallStripe(rows, columns),
            closes: pass === v.passes - 1 ? stripe : undefined,
          };
        }
      }
}

/** What the feeder takes from the ring at a time. */
export type FeedWork = {
  readonly kind: "parameters" | "block";
  /** Its words are free once they are read. */
  readonly release: boolean;
  /** Where the ring's reading position goes afterwards. */
  readonly goesTo: "on" | "blocks" | "layer";
};

/** List what the feeder takes for a layer, in its order. */
export function* feedsOf(v: LayerValues): Generator<FeedWork> {
  const [keep, stream] = [v.weightsKeep === 1, v.weightsStream === 1];
  const stripes = v.rowStripes * v.columnStripes;
  for (let group = 0; group < v.groups; group++) {
    const lastGroup = group === v.groups - 1;
    const lastUse = v.weightsShared === 0 || lastGroup;
    yield { kind: "parameters", release: lastUse && !keep, goesTo: "on" };
    for (let stripe = 0; stripe < stripes; stripe++) {
      const lastStripe = stripe === stripes - 1;
      const release = !keep && (stream || (lastStripe && lastUse));
      const goesBack = lastStripe ? !lastUse || (keep && lastGroup) : !stream;
      for (let pass = 0; pass < v.passes; pass++) {
        const back = lastStripe ? "layer" : "blocks";
        yield { kind: "block", release, goesTo: goesBack && pass === v.passes - 1 ? back : "on" };
      }
    }
  }
}
