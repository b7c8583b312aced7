import type { NodeName } from "../../graph/index.js";
import { ACTIVATION_BANKS, type EngineConfig, engineShape, PARAMETER_BYTES } from "../config.js";
import { DESCRIPTOR_BYTES } from "../isa/index.js";
import { scheduleOf, sizesOf } from "./layer-fields.js";
import type { Geometry, Operation } from "./operation.js";

/** What a layer does: its operations read and write the same tensors. */
export type Step = { readonly node: NodeName; readonly operations: readonly Operation[] };

/** Rows `from` to before `to`. */
export type Rows = { readonly from: number; readonly to: number };

/** Rows of outputs, and the rows of the sources that they need. */
export type Tile = { readonly output: Rows; readonly source: Rows };

/** Row tiles of a layer and where its tile buffers begin. */
export type Tiling = {
  /** Buffers a spilled tensor: 2 let transfers run beside layers, 1 is for a single tile or little room. */
  readonly copies: 1 | 2;
  readonly tiles: readonly Tile[];
  /** Starts of each distinct source's buffers, none where it is not spilled. */
  readonly sources: readonly (readonly number[])[];
  readonly target: readonly number[];
};

/** Bank addresses [from, to). */
export type Area = { readonly from: number; readonly to: number };

/** Return what of [base, end) is not taken, in ascending order. */
export function gapsBetween(taken: readonly Area[], { from: base, to: end }: Area): readonly Area[] {
  const gaps: Area[] = [];
  let at = base;
  for (const { from, to } of [...taken].sort((a, b) => a.from - b.from)) {
    if (from > at) gaps.push({ from: at, to: from });
    at = Math.max(at, to);
  }
  if (end > at) gaps.push({ from: at, to: end });
  return gaps;
}

/** Addresses of every bank that some rows take: blocks of four rows. */
export const blockWords = ({ from, to }: Rows, rowWords: number): number =>
  (Math.ceil(to / ACTIVATION_BANKS) - Math.floor(from / ACTIVATION_BANKS)) * rowWords;

/** Cut the output into tiles of `rows` rows, and find the rows of the sources that each needs, at least one. */
export function tilesOf({ output, source, kernel, stride, pad }: Operation, rows: number): readonly Tile[] {
  return Array.from({ length: Math.ceil(output.height / rows) }, (_, i) => {
    const from = i * rows;
    const to = Math.min(from + rows, output.height);
    const first = Math.max(0, Math.min(from * stride.height - pad.top, source.height - 1));
    const end = Math.min(source.height, (to - 1) * stride.height - pad.top + kernel.height);
    return { output: { from, to }, source: { from: first, to: Math.max(first + 1, end) } };
  });
}

/** Which of a layer's tensors are spilled. */
export type Spills = { readonly sources: readonly boolean[]; readonly target: boolean };

/**
 * Find the fewest tiles whose buffers fit beside what is taken: two buffers for each spilled tensor, or where no height of tiles leaves room for
 * that, one.
 *
 * @returns undefined when not even a tile of one row fits
 */
export function tilingOf(
  { operations }: Step,
  spills: Spills,
  taken: readonly Area[],
  config: EngineConfig,
): Tiling | undefined {
  const operation = operations[0]!;
  const { output, source } = operation;
  const { wordBytes } = engineShape(config);
  const sourceRowWords = sizesOf(source, wordBytes).rowWords;
  const targetRowWords = sizesOf(output, wordBytes).rowWords;
  const gaps = gapsBetween(taken, roomOf(config));
  const room = gaps.reduce((sum, { from, to }) => sum + to - from, 0);
  const spilledSources = spills.sources.filter(Boolean).length;
  for (const most of [2, 1] as const)
    for (let count = 1, before = 0; count <= output.height; count++) {
      const rows = Math.ceil(output.height / count);
      if (rows === before) continue;
      before = rows;
      const tiles = tilesOf(operation, rows);
      const copies = tiles.length > 1 ? most : 1;
      const sourceWords = Math.max(...tiles.map((tile) => blockWords(tile.source, sourceRowWords)));
      const targetWords = Math.max(...tiles.map((tile) => blockWords(tile.output, targetRowWords)));
      if (copies * (spilledSources * sourceWords + (spills.target ? targetWords : 0)) > room) continue;
      const wanted = [
        ...spills.sources.flatMap((is, i) =>
          Array.from({ length: is ? copies : 0 }, () => ({ owner: i, words: sourceWords })),
        ),
        ...Array.from({ length: spills.target ? copies : 0 }, () => ({ owner: -1, words: targetWords })),
      ];
      const starts = pack(wanted, gaps);
      if (starts === undefined) continue;
      const of = (owner: number): readonly number[] =>
        starts.flatMap((start, i) => (wanted[i]!.owner === owner ? [start] : []));
      return { copies, tiles, sources: spills.sources.map((_, i) => of(i)), target: of(-1) };
    }
  return undefined;
}

/** Bank addresses behind the slots of the stream input. */
export function roomOf(config: EngineConfig): Area {
  const { slotWords, bankWords } = engineShape(config);
  return { from: slotWords * config.inputSlots, to: bankWords };
}

/** Put buffers into gaps, the largest first, each into the first gap with room. */
function pack(
  wanted: readonly { readonly words: number }[],
  gaps: readonly Area[],
): readonly number[] | undefined {
  const free = gaps.map(({ from, to }) => ({ from, to }));
  const starts = new Array<number>(wanted.length);
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[b]!.words - wanted[a]!.words || a - b);
  for (const i of order) {
    const { words } = wanted[i]!;
    const gap = free.find(({ from, to }) => to - from >= words);
    if (gap === undefined) return undefined;
    starts[i] = gap.from;
    gap.from += words;
  }
  return starts;
}

/** Bytes of a row in external memory. */
export const rowBytesOf = (geometry: Geometry, config: EngineConfig): number => {
  const { wordBytes } = engineShape(config);
  return sizesOf(geometry, wordBytes).rowWords * wordBytes;
};

/** Bytes over the memory port when some rows of a tensor are moved: where rows do not begin at bursts, a transfer each; descriptors included. */
export function transferBytes(geometry: Geometry, rows: number, config: EngineConfig): number {
  const rowBytes = rowBytesOf(geometry, config);
  const beats = (bytes: number): number => Math.ceil(bytes / config.axiDataBytes) * config.axiDataBytes;
  const single = rows === geometry.height || rowBytes % engineShape(config).burstBytes === 0;
  return single ? beats(rows * rowBytes) + DESCRIPTOR_BYTES : rows * (beats(rowBytes) + DESCRIPTOR_BYTES);
}

/** Estimate the bytes of weights that a layer reads in tiles; alike groups counted apart. */
export function weightBytes({ operations }: Step, tiles: readonly Tile[], config: EngineConfig): number {
  const { cPar, kPar } = config;
  const limit = config.weightBufferBytes - engineShape(config).burstBytes;
  return operations.reduce((sum, operation) => {
    const { from, to } = tiles[0]!.output;
    const { left, right } = operation.rectangle;
    const { passes, stripeCount } = scheduleOf(operation, { top: from, bottom: to, left, right }, config);
    const parameters = kPar * PARAMETER_BYTES;
    const blocks = passes * kPar * cPar;
    const groups = Math.ceil(operation.output.channels / kPar);
    const isPlain = parameters + blocks <= limit || stripeCount === 1;
    const bytes = groups * (parameters + blocks * (isPlain ? 1 : stripeCount));
    const isKept = operations.length === 1 && isPlain && bytes <= limit;
    return sum + bytes * (isKept ? 1 : tiles.length);
  }, 0);
}
