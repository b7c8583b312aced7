/** Rows or columns of padding on each side of an image, in pixels. */
export type Padding = {
  readonly top: number;
  readonly bottom: number;
  readonly left: number;
  readonly right: number;
};

/** Vertical and horizontal extents. */
export type Size2 = { readonly height: number; readonly width: number };

/** How a windowed operation treats the border: TensorFlow `same` (asymmetric), `valid`, or explicit pads. */
export type PaddingMode =
  | { readonly kind: "same" }
  | { readonly kind: "valid" }
  | ({ readonly kind: "explicit" } & Padding);

export const NO_PADDING: Padding = { top: 0, bottom: 0, left: 0, right: 0 };

/**
 * Resolve a padding mode to explicit pads. TensorFlow SAME puts the odd pixel at the bottom and right:
 * total = max((ceil(n / stride) − 1)·stride + kernel − n, 0).
 */
export function resolvePadding(mode: PaddingMode, input: Size2, kernel: Size2, stride: Size2): Padding {
  if (mode.kind === "valid") return NO_PADDING;
  if (mode.kind === "explicit") {
    const { top, bottom, left, right } = mode;
    return { top, bottom, left, right };
  }
  const total = (n: number, k: number, s: number): number => Math.max((Math.ceil(n / s) - 1) * s + k - n, 0);
  const vertical = total(input.height, kernel.height, stride.height);
  const horizontal = total(input.width, kernel.width, stride.width);
  const top = vertical >> 1;
  const left = horizontal >> 1;
  return { top, bottom: vertical - top, left, right: horizontal - left };
}

/** Output extents of a windowed operation: floor((n + pads − kernel) / stride) + 1. */
export function windowOutput(input: Size2, pads: Padding, kernel: Size2, stride: Size2): Size2 {
  return {
    height: Math.floor((input.height + pads.top + pads.bottom - kernel.height) / stride.height) + 1,
    width: Math.floor((input.width + pads.left + pads.right - kernel.width) / stride.width) + 1,
  };
}
