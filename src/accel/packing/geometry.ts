import type { Geometry } from "../compile/index.js";

/** A convolution along one axis. */
export type AxisConvolution = {
  /** Pixels of the image and of the output. */
  readonly extent: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  /** Padding before the first pixel. */
  readonly before: number;
};

/**
 * How an axis of an image is packed, and the convolution that then reads it. Packed pixel i holds the pixels i · step − offset … i · step − offset + block − 1;
 * the convolution's output o reads packed pixels o · stride − before … o · stride − before + kernel − 1.
 */
export type AxisPacking = {
  readonly block: number;
  readonly step: number;
  readonly offset: number;
  /** Packed pixels. */
  readonly extent: number;
  readonly kernel: number;
  readonly stride: number;
  readonly before: number;
};

/** How an image is packed: channel (row of the block · columns of the block + column) · channels + channel. */
export type InputPacking = { readonly rows: AxisPacking; readonly columns: AxisPacking };

/** The axis as it is. */
const plain = ({ extent, kernel, stride, before }: AxisConvolution): AxisPacking => ({
  block: 1,
  step: 1,
  offset: 0,
  extent,
  kernel,
  stride,
  before,
});

/** Blocks of some pixels, a block for each step of the convolution: at least the stride, so that none is missed. */
function blocked({ outputs, kernel, stride, before }: AxisConvolution, block: number): AxisPacking {
  const blocks = Math.ceil((kernel - block) / stride) + 1;
  return {
    block,
    step: stride,
    offset: before,
    extent: outputs + blocks - 1,
    kernel: blocks,
    stride: 1,
    before: 0,
  };
}

/** All ways to pack an axis: as it is, each pixel once (space to depth by the stride), or the convolution's whole window. */
function axisPackings(axis: AxisConvolution): readonly AxisPacking[] {
  const blocks = new Set([Math.min(axis.stride, axis.kernel), axis.kernel]);
  blocks.delete(1);
  return [plain(axis), ...[...blocks].map((block) => blocked(axis, block))];
}

/** Which block, and which place in it, a row or column of the original kernel comes to. */
export function packedTap({ block, step, kernel }: AxisPacking, tap: number): readonly [number, number] {
  if (block === 1) return [tap, 0];
  const at = Math.min(Math.floor(tap / step), kernel - 1);
  return [at, tap - at * step];
}

/** Whether the image stays as it is. */
export const isUnpacked = ({ rows, columns }: InputPacking): boolean =>
  rows.block === 1 && columns.block === 1;

/** Rows, columns and channels of a packed image. */
export const packedGeometry = ({ rows, columns }: InputPacking, channels: number): Geometry => ({
  height: rows.extent,
  width: columns.extent,
  channels: rows.block * columns.block * channels,
});

/** List all ways to pack an image for the convolution that reads it; the first leaves it as it is. */
export const inputPackings = (rows: AxisConvolution, columns: AxisConvolution): readonly InputPacking[] =>
  axisPackings(rows).flatMap((row) =>
    axisPackings(columns).map((column) => ({ rows: row, columns: column })),
  );

/** Name a packing by the pixels of its blocks: `2×2`. */
export const describePacking = ({ rows, columns }: InputPacking): string => `${rows.block}×${columns.block}`;
