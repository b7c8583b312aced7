import { FixynnError } from "../core/index.js";
import type { Padding, Size2 } from "../tensor/index.js";

/** A windowed layer's geometry. */
export type WindowShape = {
  readonly input: Size2;
  readonly output: Size2;
  readonly kernel: Size2;
  readonly stride: Size2;
  readonly padding: Padding;
};

/**
 * How the controller walks over a frame. Steps are numbered t = 0, 1, …; step t takes pixel (⌊t/periodSteps⌋, t mod periodSteps) or, where
 * there is none (a dummy column, the flush after the last pixel), nothing. The window whose lower right corner is the virtual
 * pixel (y, x) is complete at step y·periodSteps + x, even if x ≥ width: then the first pixels of the next row arrive meanwhile.
 *
 * The counters follow the window, not the pixel: `column` is 0 at the first window of a row, and `row` is a multiple of the
 * vertical stride at rows of windows, `firstRow` at the first.
 */
export type WindowPlan = WindowShape & {
  /** Steps a row: the width, or more if windows of one row need it. */
  readonly periodSteps: number;
  /** Steps a frame; the cycles per frame when neither side pauses. */
  readonly steps: number;
  readonly start: { readonly row: number; readonly column: number };
  readonly lastPixel: { readonly row: number; readonly column: number };
  readonly end: { readonly row: number; readonly column: number };
  readonly firstRow: number;
  readonly lastRow: number;
  readonly lastColumn: number;
  /** Columns in which no pixel comes. */
  readonly dummyColumns: readonly number[];
  /** For each window row: values of `row`, among those with windows, at which it lies outside the image. */
  readonly outsideRows: readonly (readonly number[])[];
  /** For each window column: values of `column`, among those with windows, at which it lies outside the image. */
  readonly outsideColumns: readonly (readonly number[])[];
  /** Steps after the last pixel. */
  readonly flushSteps: number;
};

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * Plan a windowed layer.
 *
 * @throws FixynnError FX5020 when padding is not smaller than the kernel, or the output is empty
 */
export function planWindow(shape: WindowShape, place: string): WindowPlan {
  const { input, output, kernel, stride, padding } = shape;
  const { top, bottom, left, right } = padding;
  if (Math.max(top, bottom) >= kernel.height || Math.max(left, right) >= kernel.width) {
    throw new FixynnError("FX5020", "padding must be smaller than the kernel", { place });
  }
  if (output.height < 1 || output.width < 1)
    throw new FixynnError("FX5020", "the output is empty", { place });
  const firstX = kernel.width - 1 - left;
  const firstY = kernel.height - 1 - top;
  const lastColumn = (output.width - 1) * stride.width;
  const periodSteps = Math.max(input.width, lastColumn + 1, kernel.height > 1 ? 2 : 1);
  const lastY = firstY + (output.height - 1) * stride.height;
  const lastPixelStep = (input.height - 1) * periodSteps + input.width - 1;
  const steps = Math.max(lastPixelStep, lastY * periodSteps + firstX + lastColumn) + 1;
  const startRow = Math.floor(-firstX / periodSteps);
  const base = Math.ceil((firstY - startRow) / stride.height) * stride.height;
  const at = (step: number): { readonly row: number; readonly column: number } => {
    const row = Math.floor((step - firstX) / periodSteps);
    return { row: row - firstY + base, column: step - firstX - row * periodSteps };
  };
  return {
    ...shape,
    periodSteps,
    steps,
    start: at(0),
    lastPixel: at(lastPixelStep),
    end: at(steps - 1),
    firstRow: base,
    lastRow: base + (output.height - 1) * stride.height,
    lastColumn,
    dummyColumns: range(periodSteps).filter((column) => (column + firstX) % periodSteps >= input.width),
    outsideRows: range(kernel.height).map((i) =>
      range(output.height)
        .filter((oy) => oy * stride.height - top + i < 0 || oy * stride.height - top + i >= input.height)
        .map((oy) => base + oy * stride.height),
    ),
    outsideColumns: range(kernel.width).map((j) =>
      range(output.width)
        .filter((ox) => ox * stride.width - left + j < 0 || ox * stride.width - left + j >= input.width)
        .map((ox) => ox * stride.width),
    ),
    flushSteps: steps - 1 - lastPixelStep,
  };
}

/** Tell whether every pixel is a window of its own, so that no counters are needed. */
export function isPointwise({ kernel, stride }: WindowShape): boolean {
  return kernel.height === 1 && kernel.width === 1 && stride.height === 1 && stride.width === 1;
}

/** Count the pixels inside the image over all windows of a frame. */
export function tapsInside({ input, output, kernel, stride, padding }: WindowShape): number {
  const along = (n: number, outputs: number, size: number, step: number, before: number): number =>
    range(outputs).reduce((sum, o) => {
      const first = o * step - before;
      return sum + Math.max(0, Math.min(first + size, n) - Math.max(first, 0));
    }, 0);
  return (
    along(input.height, output.height, kernel.height, stride.height, padding.top) *
    along(input.width, output.width, kernel.width, stride.width, padding.left)
  );
}
