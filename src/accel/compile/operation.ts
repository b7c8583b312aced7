import type { NodeName } from "../../graph/index.js";

/** Rows, columns and channels as they lie in memory; a vector is one pixel. */
export type Geometry = { readonly height: number; readonly width: number; readonly channels: number };

/** A lane's requantization: see docs/accel.md. */
export type LaneParameters = { readonly bias: number; readonly multiplier: number; readonly shift: number };

/** A rectangle of output pixels. */
export type Rectangle = {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
};

/** A round of all passes over one operand, with one digit of its weights. */
export type Plane = {
  readonly source: 0 | 1;
  /** Multiply the sums so far by 256. */
  readonly scale: boolean;
  /** Digits [kernel row][kernel column][input channel, windowed: 1][output channel]. */
  readonly digits: Int16Array;
};

/** What the engine does for a rectangle of a layer's output, whatever lies where in the buffers. All values are engine bytes. */
export type Operation = {
  readonly node: NodeName;
  readonly sources: readonly NodeName[];
  readonly target: NodeName;
  readonly source: Geometry;
  readonly output: Geometry;
  readonly rectangle: Rectangle;
  readonly windowed: boolean;
  readonly maximum: boolean;
  readonly kernel: { readonly height: number; readonly width: number };
  readonly stride: { readonly height: number; readonly width: number };
  readonly pad: { readonly top: number; readonly left: number };
  readonly paddingByte: number;
  readonly planes: readonly Plane[];
  readonly weightZero: number;
  /** One entry an output channel. */
  readonly parameters: readonly LaneParameters[];
  readonly doubleRounding: boolean;
  readonly tiesAway: boolean;
  readonly zeroPoint: number;
  readonly low: number;
  readonly high: number;
  /** Multiplications of the network's definition. */
  readonly macs: number;
};
