import type { EngineConfig } from "../config.js";
import type { LayerValues } from "./decode.js";
import { failure, type Place } from "./failures.js";

/** Counts that must not be 0: a counter of the hardware would go round. */
const COUNTS = [
  "groups",
  "planes",
  "rowPasses",
  "columnPasses",
  "channelPasses",
  "passes",
  "rowStripes",
  "columnStripes",
  "lastStripeRows",
  "lastStripeColumns",
  "emitEvery",
  "multiplierPasses",
] as const satisfies readonly (keyof LayerValues)[];

/** Largest number of columns of a pass, and of planes. */
const LIMITS = { columns: 4, planes: 8 } as const;

/**
 * Check that the fields of a layer have a meaning, whatever memory holds.
 *
 * @throws CheckFailedError FX5120 when blocks and passes do not match, FX5121 otherwise
 */
export function checkLayer(values: LayerValues, config: EngineConfig, place: Place): void {
  const fail = (message: string): never => {
    throw failure("meaningless", place, message);
  };
  for (const name of COUNTS) if (values[name] === 0) fail(`${name} is 0`);
  if (values.planes > LIMITS.planes) fail(`planes is ${values.planes}`);
  const widths = values.columnPasses > 1 ? [values.columns, values.lastColumns] : [values.lastColumns];
  for (const columns of widths)
    if (columns < 1 || columns > LIMITS.columns) fail(`a pass of ${columns} columns`);
  const rows = [values.lastStripeRows, ...(values.rowStripes > 1 ? [values.stripeRows] : [])];
  const columns = [values.lastStripeColumns, ...(values.columnStripes > 1 ? [values.stripeColumns] : [])];
  if (Math.min(...rows, ...columns) === 0) fail("a stripe without pixels");
  const pixels = Math.max(...rows) * Math.max(...columns);
  if (pixels > config.stripePixels)
    fail(`a stripe of ${pixels} pixels; sums have room for ${config.stripePixels}`);
  // The groups before the last would go back to words that their stripes have released.
  if (values.weightsShared === 1 && values.weightsStream === 1) fail("weights are shared and streamed");
  const { planes, rowPasses, columnPasses, channelPasses, passes } = values;
  const bodies = planes * rowPasses * columnPasses * channelPasses;
  if (passes !== bodies) throw failure("hang", place, `${passes} blocks of weights for ${bodies} passes`);
}
