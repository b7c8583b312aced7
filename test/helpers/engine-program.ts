import { type EngineConfig, engineShape, PARAMETER_BYTES } from "../../src/accel/config.js";
import {
  DESCRIPTOR_BYTES,
  encodeFields,
  headerFields,
  layerFields,
  OPERATIONS,
  PROGRAM_MAGIC,
  parameterFields,
  transferFields,
  type Values,
  WEIGHT_ENTRY_BYTES,
  weightEntryFields,
} from "../../src/accel/isa/index.js";

/** Fields of a layer's descriptor. */
export type LayerValues = Values<typeof layerFields>;
type TransferValues = Values<typeof transferFields>;

/** A descriptor written by hand; `weights` is what it takes from the weight stream. */
export type HandDescriptor =
  | {
      readonly kind: "layer";
      readonly values: LayerValues;
      readonly weights: Uint8Array;
      readonly repeat?: number;
    }
  | { readonly kind: "load" | "store"; readonly values: Partial<TransferValues> }
  | { readonly kind: "end" };

const zeros = <Table extends object>(table: Table): Record<keyof Table, number> =>
  Object.fromEntries(Object.keys(table).map((name) => [name, 0])) as Record<keyof Table, number>;

/** A layer of one pass on one pixel, to be changed. */
export const plainLayer = (values: Partial<LayerValues>): LayerValues => {
  const ones = [
    "groups",
    "planes",
    "rowPasses",
    "columnPasses",
    "channelPasses",
    "columns",
    "lastColumns",
    "passes",
    "rowStripes",
    "stripeRows",
    "lastStripeRows",
    "columnStripes",
    "stripeColumns",
    "lastStripeColumns",
    "rowWords",
    "height",
    "width",
    "pixelWords",
    "columnStep",
    "columnStepWords",
    "emitEvery",
    "strideRows",
    "kernelColumnWords",
    "stripeSourceRows",
    "stripeSourceColumns",
    "stripeSourceColumnWords",
    "targetRowWords",
    "targetPixelWords",
    "stripeTargetColumnWords",
  ] as const satisfies readonly (keyof LayerValues)[];
  const defaults = { ...zeros(layerFields), operation: OPERATIONS.layer, high: 255, multiplierPasses: 2 };
  for (const name of ones) defaults[name] = 1;
  return { ...defaults, ...values };
};

/** A layer with as many weights as its loops take, all of them 0. */
export function unweighted(
  config: EngineConfig,
  values: Partial<LayerValues>,
): HandDescriptor & { readonly kind: "layer" } {
  const full = plainLayer(values);
  const blocks = full.passes * (full.weightsStream === 1 ? full.rowStripes * full.columnStripes : 1);
  const group = config.kPar * PARAMETER_BYTES + blocks * config.cPar * config.kPar;
  const groups = full.weightsShared === 1 ? 1 : full.groups;
  return { kind: "layer", values: full, weights: new Uint8Array(groups * group) };
}

/** Write a program: header, descriptors, weight list (an entry a layer), weights. */
export function handProgram(config: EngineConfig, descriptors: readonly HandDescriptor[]): Uint8Array {
  const { burstBytes } = engineShape(config);
  const align = (bytes: number): number => Math.ceil(bytes / burstBytes) * burstBytes;
  const runs = descriptors.flatMap((one) => (one.kind === "layer" && one.weights.length > 0 ? [one] : []));
  const weightList = align(DESCRIPTOR_BYTES * (descriptors.length + 1));
  let at = align(weightList + WEIGHT_ENTRY_BYTES * runs.length);
  const offsets = runs.map(({ weights }) => {
    const offset = at;
    at += align(weights.length);
    return offset;
  });
  const bytes = new Uint8Array(at);
  const header = {
    magic: PROGRAM_MAGIC,
    fingerprint: 0,
    descriptors: descriptors.length,
    weightEntries: runs.length,
    weightList,
  };
  encodeFields(headerFields, header, bytes);
  descriptors.forEach((one, i) => {
    const place = DESCRIPTOR_BYTES * (i + 1);
    if (one.kind === "layer") encodeFields(layerFields, one.values, bytes, place);
    else if (one.kind !== "end") {
      const values = { ...zeros(transferFields), rows: 1, rowWords: 1, ...one.values };
      const count = values.rows * values.rowWords * engineShape(config).wordBytes;
      const beats = one.values.beats ?? Math.ceil(count / config.axiDataBytes);
      encodeFields(transferFields, { ...values, beats, operation: OPERATIONS[one.kind] }, bytes, place);
    }
  });
  runs.forEach(({ weights, repeat = 1 }, i) => {
    const entry = { offset: offsets[i]!, beats: weights.length / config.axiDataBytes, repeat };
    encodeFields(weightEntryFields, entry, bytes, weightList + i * WEIGHT_ENTRY_BYTES);
    bytes.set(weights, offsets[i]!);
  });
  return bytes;
}

/** Size and place of a tensor in the activation memory; its row 0 lies in bank 0. */
export type HandTensor = {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly start: number;
};

/** A convolution for {@link convolution}. */
export type HandConvolution = {
  /** Every lane its own channel. */
  readonly windowed: boolean;
  readonly source: HandTensor;
  readonly target: HandTensor;
  readonly kernel: { readonly rows: number; readonly columns: number };
  readonly stride: number;
  /** Rows and columns of padding above and to the left. */
  readonly before: number;
  readonly stripe: { readonly rows: number; readonly columns: number };
  /** Windowed: four rows a pass. */
  readonly fourRows?: boolean;
  /** Weight of output channel, kernel row, kernel column, input channel (0 if windowed). */
  readonly weight: (output: number, row: number, column: number, input: number) => number;
  readonly parameters: (output: number) => {
    readonly bias: number;
    readonly multiplier: number;
    readonly shift: number;
  };
  readonly mode?: "plain" | "stream";
  readonly values?: Partial<LayerValues>;
};

/** Write a convolution's descriptor and weights; sizes of stripes need not divide the output's. */
export function convolution(
  config: EngineConfig,
  given: HandConvolution,
): HandDescriptor & { readonly kind: "layer" } {
  const {
    windowed,
    source,
    target,
    kernel,
    stride,
    before,
    stripe,
    fourRows = false,
    mode = "plain",
  } = given;
  const { cPar, kPar } = config;
  const { wordBytes, windowColumns } = engineShape(config);
  const pixelWords = Math.ceil(source.channels / wordBytes);
  const targetPixelWords = Math.ceil(target.channels / wordBytes);
  const rowWords = source.width * pixelWords;
  const targetRowWords = target.width * targetPixelWords;
  const columns = windowed ? Math.min(kernel.columns, windowColumns) : 1;
  const columnStep = columns === 1 ? stride : 1;
  const stripeRows = Math.min(stripe.rows, target.height);
  const stripeColumns = Math.min(stripe.columns, target.width);
  const rowStripes = Math.ceil(target.height / stripeRows);
  const columnStripes = Math.ceil(target.width / stripeColumns);
  const rowPasses = Math.ceil(kernel.rows / (fourRows ? 4 : 1));
  const columnPasses = Math.ceil(kernel.columns / columns);
  const channelPasses = windowed ? 1 : Math.ceil(source.channels / cPar);
  const planes = given.values?.planes ?? 1;
  const lastColumns = kernel.columns - (columnPasses - 1) * columns;
  const values = plainLayer({
    windowed: Number(windowed),
    fourRows: Number(fourRows),
    weightsStream: Number(mode === "stream"),
    groups: Math.ceil(target.channels / kPar),
    rowPasses,
    columnPasses,
    channelPasses,
    columns,
    lastColumns,
    passes: planes * rowPasses * columnPasses * channelPasses,
    rowStripes,
    stripeRows,
    lastStripeRows: target.height - (rowStripes - 1) * stripeRows,
    columnStripes,
    stripeColumns,
    lastStripeColumns: target.width - (columnStripes - 1) * stripeColumns,
    sourceAStart: (source.start + Math.floor(-before / 4) * rowWords - before * pixelWords) & 0xffff,
    rowWords,
    height: source.height,
    width: source.width,
    originY: -before,
    originX: -before,
    pixelWords,
    columnStep,
    columnStepWords: columnStep * pixelWords,
    emitEvery: columns === 1 ? 1 : stride,
    strideRows: stride,
    strideRowWords: Math.floor(stride / 4) * rowWords,
    kernelColumnWords: columns * pixelWords,
    stripeSourceRows: stripeRows * stride,
    stripeSourceRowWords: Math.floor((stripeRows * stride) / 4) * rowWords,
    stripeSourceColumns: stripeColumns * stride,
    stripeSourceColumnWords: stripeColumns * stride * pixelWords,
    targetStart: target.start,
    targetRowWords,
    targetPixelWords,
    stripeTargetRowWords: Math.floor(stripeRows / 4) * targetRowWords,
    stripeTargetColumnWords: stripeColumns * targetPixelWords,
    ...given.values,
  });
  return { kind: "layer", values, weights: Uint8Array.from(weightStream(config, given, values)) };
}

function weightStream(config: EngineConfig, given: HandConvolution, values: LayerValues): number[] {
  const { cPar, kPar } = config;
  const { source, target, kernel } = given;
  const stream: number[] = [];
  const copies = values.weightsStream === 1 ? values.rowStripes * values.columnStripes : 1;
  const groups = values.weightsShared === 1 ? 1 : values.groups;
  const inside = (output: number, row: number, column: number, input: number): number =>
    output < target.channels && row < kernel.rows && input < source.channels
      ? given.weight(output, row, column, input)
      : 0;
  for (let group = 0; group < groups; group++) {
    const entries = new Uint8Array(kPar * PARAMETER_BYTES);
    for (let lane = 0; lane < kPar; lane++)
      encodeFields(parameterFields, given.parameters(group * kPar + lane), entries, lane * PARAMETER_BYTES);
    stream.push(...entries);
    for (let copy = 0; copy < copies; copy++)
      for (let pass = 0; pass < values.passes; pass++) {
        const channelPass = pass % values.channelPasses;
        const columnPass = Math.floor(pass / values.channelPasses) % values.columnPasses;
        const rowPass = Math.floor(pass / values.channelPasses / values.columnPasses) % values.rowPasses;
        const columns = columnPass === values.columnPasses - 1 ? values.lastColumns : values.columns;
        for (let lane = 0; lane < kPar; lane++)
          for (let slot = 0; slot < cPar; slot++) {
            const output = group * kPar + lane;
            const [row, back] = [slot % 4, Math.floor(slot / 4)];
            let weight = 0;
            if (values.windowed === 0)
              weight = inside(output, rowPass, columnPass, channelPass * cPar + slot);
            else if (back < columns && (row === 0 || values.fourRows === 1))
              weight = inside(
                output,
                rowPass * (values.fourRows === 1 ? 4 : 1) + row,
                columnPass * values.columns + columns - 1 - back,
                0,
              );
            stream.push((config.weightBits === 9 ? weight + values.weightZero : weight) & 255);
          }
      }
  }
  return stream;
}
