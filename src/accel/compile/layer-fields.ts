import { FixynnError } from "../../core/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineShape, PARAMETER_BYTES } from "../config.js";
import { encodeFields, fits, layerFields, OPERATIONS, parameterFields, type Values } from "../isa/index.js";
import type { Geometry, Operation, Rectangle } from "./operation.js";

/** Words of a pixel, of a row, and of each bank that a tensor takes. */
export function sizesOf({ height, width, channels }: Geometry, wordBytes: number) {
  const pixelWords = Math.ceil(channels / wordBytes);
  const rowWords = width * pixelWords;
  return { pixelWords, rowWords, bankWords: Math.ceil(height / ACTIVATION_BANKS) * rowWords };
}

/** How a kernel is cut into passes of the array. */
type Cut = {
  readonly fourRows: boolean;
  readonly columns: number;
  readonly lastColumns: number;
  readonly rowPasses: number;
  readonly columnPasses: number;
  readonly channelPasses: number;
};

/** How the output is cut into stripes. */
type Stripes = {
  readonly rows: number;
  readonly columns: number;
  readonly rowStripes: number;
  readonly columnStripes: number;
};

/** Cut and stripes of an operation, with the cycles that they take for a group of channels. */
export type Schedule = {
  readonly cut: Cut;
  readonly stripes: Stripes;
  readonly passes: number;
  readonly cycles: number;
  readonly stripeCount: number;
};

function cutsOf(operation: Operation, config: EngineConfig): readonly Cut[] {
  const { kernel, windowed, maximum, source } = operation;
  if (!windowed || maximum)
    return [
      {
        fourRows: false,
        columns: 1,
        lastColumns: 1,
        rowPasses: kernel.height,
        columnPasses: kernel.width,
        channelPasses: windowed ? 1 : Math.ceil(source.channels / config.cPar),
      },
    ];
  const fourRows = kernel.height > 1;
  const most = Math.min(engineShape(config).windowColumns, kernel.width);
  return Array.from({ length: most }, (_, i) => {
    const columns = i + 1;
    const columnPasses = Math.ceil(kernel.width / columns);
    const lastColumns = kernel.width - (columnPasses - 1) * columns;
    return {
      fourRows,
      columns,
      lastColumns,
      rowPasses: fourRows ? Math.ceil(kernel.height / 4) : 1,
      columnPasses,
      channelPasses: 1,
    };
  });
}

/** Cycles that a requantizer takes a value, for the widest multiplier. */
function multiplierPassesOf({ parameters }: Operation, { multiplierBits }: EngineConfig): number {
  const widest = parameters.reduce((most, { multiplier }) => Math.max(most, multiplier), 1);
  return Math.ceil((Math.floor(Math.log2(widest)) + 1) / multiplierBits);
}

/** Cycles beyond kPar from a block of weights to the next one that can be ready. */
const BLOCK_GAP = 8;

/**
 * Choose passes and stripes with the fewest cycles: a pass takes at least as long as the next block of weights needs to be loaded, a stripe at least as long as
 * its sums need to be requantized.
 */
export function scheduleOf(operation: Operation, rectangle: Rectangle, config: EngineConfig): Schedule {
  const height = rectangle.bottom - rectangle.top;
  const width = rectangle.right - rectangle.left;
  const most = config.stripePixels;
  const stride = width === 1 ? 1 : operation.stride.width;
  const drainCycles = (config.kPar / config.requantizers) * multiplierPassesOf(operation, config);
  let best: Schedule | undefined;
  for (const cut of cutsOf(operation, config)) {
    const emitEvery = cut.columns === 1 ? 1 : stride;
    const rounds = operation.planes.length * cut.rowPasses * cut.channelPasses;
    const passes = rounds * cut.columnPasses;
    let before = 0;
    for (let count = Math.ceil(width / most); count <= width; count++) {
      const columns = Math.ceil(width / count);
      if (columns === before) continue;
      before = columns;
      const columnStripes = Math.ceil(width / columns);
      const rowStripes = Math.ceil(height / Math.floor(most / columns));
      const rows = Math.ceil(height / rowStripes);
      const stripes = { rows, columns, rowStripes: Math.ceil(height / rows), columnStripes };
      const cyclesOf = (r: number, c: number): number => {
        const pass = (kernelColumns: number): number =>
          Math.max(r * ((c - 1) * emitEvery + kernelColumns), config.kPar + BLOCK_GAP);
        const compute = rounds * ((cut.columnPasses - 1) * pass(cut.columns) + pass(cut.lastColumns));
        return Math.max(compute, r * c * drainCycles);
      };
      const lastRows = height - (stripes.rowStripes - 1) * rows;
      const lastColumns = width - (columnStripes - 1) * columns;
      const rowOf = (r: number): number =>
        (columnStripes - 1) * cyclesOf(r, columns) + cyclesOf(r, lastColumns);
      const cycles = (stripes.rowStripes - 1) * rowOf(rows) + rowOf(lastRows);
      const stripeCount = stripes.rowStripes * columnStripes;
      if (
        best === undefined ||
        cycles < best.cycles ||
        (cycles === best.cycles && stripeCount < best.stripeCount)
      )
        best = { cut, stripes, passes, cycles, stripeCount };
    }
  }
  return best!;
}

/** Where an operation's tensors lie: bank addresses of row 0, column 0, as if the tensor were whole; rows from `bottom` on are not there. */
export type Places = {
  readonly sources: readonly { readonly start: number; readonly inSlot: boolean }[];
  readonly bottom: number;
  readonly target: number;
};

/** Fields that order layers and say how weights are read. */
export type Flow = Pick<
  Values<typeof layerFields>,
  | "waitLayers"
  | "waitTransfers"
  | "waitInput"
  | "releaseInput"
  | "weightsStream"
  | "weightsKeep"
  | "weightsShared"
>;

const address = (value: number): number => value & 0xffff;

/**
 * Fill in a layer's descriptor for a rectangle of its output.
 *
 * @throws FixynnError FX5115 where a value exceeds its field
 */
export function layerValues(
  operation: Operation,
  {
    rectangle,
    schedule,
    places,
    flow,
    config,
  }: {
    readonly rectangle: Rectangle;
    readonly schedule: Schedule;
    readonly places: Places;
    readonly flow: Flow;
    readonly config: EngineConfig;
  },
): Values<typeof layerFields> {
  const { source, output, windowed, planes } = operation;
  const { wordBytes } = engineShape(config);
  const from = sizesOf(source, wordBytes);
  const to = sizesOf(output, wordBytes);
  const { cut, stripes, passes } = schedule;
  const height = rectangle.bottom - rectangle.top;
  const width = rectangle.right - rectangle.left;
  const strideRows = height === 1 ? 1 : operation.stride.height;
  const strideColumns = width === 1 ? 1 : operation.stride.width;
  const single = cut.columns === 1;
  const originY = rectangle.top * operation.stride.height - operation.pad.top;
  const originX = rectangle.left * operation.stride.width - operation.pad.left;
  const sourceStart = (start: number): number =>
    address(start + Math.floor(originY / ACTIVATION_BANKS) * from.rowWords + originX * from.pixelWords);
  const [a, b = a] = places.sources;
  const stripeSourceRows = stripes.rows * strideRows;
  const stripeSourceColumns = stripes.columns * strideColumns;
  const mask = (test: (plane: Operation["planes"][number]) => boolean): number =>
    planes.reduce((sum, plane, i) => sum + (test(plane) ? 2 ** i : 0), 0);
  const columnStep = single ? strideColumns : 1;
  const values: Values<typeof layerFields> = {
    ...flow,
    operation: OPERATIONS.layer,
    windowed: Number(windowed),
    maximum: Number(operation.maximum),
    sourceAInput: Number(a!.inSlot),
    sourceBInput: Number(b!.inSlot),
    doubleRounding: Number(operation.doubleRounding),
    tiesAway: Number(operation.tiesAway),
    fourRows: Number(cut.fourRows),
    groups: Math.ceil(output.channels / config.kPar),
    planes: planes.length,
    planeSource: mask((plane) => plane.source === 1),
    planeScale: mask((plane) => plane.scale),
    rowPasses: cut.rowPasses,
    columnPasses: cut.columnPasses,
    channelPasses: cut.channelPasses,
    columns: cut.columns,
    lastColumns: cut.lastColumns,
    passes,
    rowStripes: stripes.rowStripes,
    stripeRows: stripes.rows,
    lastStripeRows: height - (stripes.rowStripes - 1) * stripes.rows,
    columnStripes: stripes.columnStripes,
    stripeColumns: stripes.columns,
    lastStripeColumns: width - (stripes.columnStripes - 1) * stripes.columns,
    sourceAStart: sourceStart(a!.start),
    sourceBStart: sourceStart(b!.start),
    rowWords: from.rowWords,
    height: places.bottom,
    width: source.width,
    originY,
    originX,
    pixelWords: from.pixelWords,
    columnStep,
    columnStepWords: columnStep * from.pixelWords,
    emitEvery: single ? 1 : strideColumns,
    strideRows,
    strideRowWords: Math.floor(strideRows / ACTIVATION_BANKS) * from.rowWords,
    kernelColumnWords: cut.columns * from.pixelWords,
    stripeSourceRows,
    stripeSourceRowWords: address(Math.floor(stripeSourceRows / ACTIVATION_BANKS) * from.rowWords),
    stripeSourceColumns,
    stripeSourceColumnWords: address(stripeSourceColumns * from.pixelWords),
    padding: operation.paddingByte,
    weightZero: operation.weightZero,
    targetStart: address(
      places.target +
        Math.floor(rectangle.top / ACTIVATION_BANKS) * to.rowWords +
        rectangle.left * to.pixelWords,
    ),
    targetBank: rectangle.top % ACTIVATION_BANKS,
    targetRowWords: to.rowWords,
    targetPixelWords: to.pixelWords,
    stripeTargetRowWords: address(Math.floor(stripes.rows / ACTIVATION_BANKS) * to.rowWords),
    stripeTargetColumnWords: address(stripes.columns * to.pixelWords),
    zeroPoint: operation.zeroPoint,
    low: operation.low,
    high: operation.high,
    multiplierPasses: multiplierPassesOf(operation, config),
  };
  for (const [name, field] of Object.entries(layerFields)) {
    const value = values[name as keyof typeof values];
    if (!fits(field, value)) throw tooLarge(operation.node, name, value);
  }
  if (planes.length > 8) throw tooLarge(operation.node, "planes", planes.length);
  return values;
}

/** Report a value that its field cannot hold. */
export function tooLarge(layer: string, field: string, value: number): FixynnError {
  return new FixynnError("FX5115", `${field} of ${value} exceeds what a descriptor can say`, {
    place: `layer ${layer}`,
    hint: "split the layer, or put more layers into the front end",
  });
}

/** Write the weight stream of an operation: of each group of lanes the parameters, then a block a pass. */
export function weightSections(
  operation: Operation,
  { cut, passes }: Schedule,
  { cPar, kPar, weightBits }: EngineConfig,
): readonly { readonly parameters: Uint8Array; readonly blocks: Uint8Array }[] {
  const { output, source, kernel, windowed, planes, weightZero, parameters } = operation;
  const channels = output.channels;
  const inputs = windowed ? 1 : source.channels;
  const zero = weightBits === 9 ? weightZero : 0;
  return Array.from({ length: Math.ceil(channels / kPar) }, (_, group) => {
    const head = new Uint8Array(kPar * PARAMETER_BYTES);
    const blocks = new Uint8Array(passes * kPar * cPar).fill(zero);
    for (let lane = 0; lane < kPar; lane++) {
      const channel = group * kPar + lane;
      if (channel >= channels) break;
      encodeFields(parameterFields, parameters[channel]!, head, lane * PARAMETER_BYTES);
      let at = lane * cPar;
      for (const { digits } of planes) {
        const digit = (y: number, x: number, input: number): number =>
          (digits[((y * kernel.width + x) * inputs + input) * channels + channel]! + zero) & 255;
        for (let rowPass = 0; rowPass < cut.rowPasses; rowPass++)
          for (let columnPass = 0; columnPass < cut.columnPasses; columnPass++)
            for (let channelPass = 0; channelPass < cut.channelPasses; channelPass++, at += kPar * cPar) {
              if (!windowed) {
                const first = channelPass * cPar;
                for (let j = 0; j < Math.min(cPar, inputs - first); j++)
                  blocks[at + j] = digit(rowPass, columnPass, first + j);
                continue;
              }
              const rows = cut.fourRows ? 4 : 1;
              const columns = columnPass === cut.columnPasses - 1 ? cut.lastColumns : cut.columns;
              for (let c = 0; c < columns; c++)
                for (let r = 0; r < Math.min(rows, kernel.height - rowPass * rows); r++)
                  blocks[at + 4 * c + r] = digit(
                    rowPass * rows + r,
                    columnPass * cut.columns + columns - 1 - c,
                    0,
                  );
            }
      }
    }
    return { parameters: head, blocks };
  });
}
