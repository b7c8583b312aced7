import { growMemory, instantiateKernel, type WasmMemory } from "../../../core/index.js";
import { elementCount, type Padding } from "../../../tensor/index.js";
import type { QuantType } from "../../nodes.js";
import { allocateValues, type QuantValues } from "../../types.js";

/** A layer function of src/kernels/golden.ts: takes the address of its record. */
type LayerFunction = (record: number) => void;

/** Exports of src/kernels/golden.ts. */
export type GoldenKernel = {
  readonly memory: WasmMemory;
  readonly convolve: LayerFunction;
  readonly convolveSigned: LayerFunction;
  readonly depthwise: LayerFunction;
  readonly depthwiseSigned: LayerFunction;
  readonly depthwise3x3: LayerFunction;
  readonly depthwise3x3Signed: LayerFunction;
  readonly pool: LayerFunction;
  readonly globalAverage: LayerFunction;
  readonly addition: LayerFunction;
  pack(record: number, outside: number): void;
  unpack(record: number, outside: number): void;
};

/** Lanes of a vector of 16-bit values: channels that a layer computes at once. */
export const LANES = 8;
/** Vectors may be read beyond the last value. */
const SLACK_BYTES = 32;
const FIRST_ADDRESS = 1 << 16;

/** Where a layer's values lie inside: int16 less the zero point, in a border of zeros; addresses and steps in bytes. */
export type ValueLayout = {
  /** Of the first pixel, behind the border. */
  readonly address: number;
  readonly pixelBytes: number;
  readonly rowBytes: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
};

/** Height, width and channels of a value; vectors and matrices are one row of pixels. */
export function imageExtents(type: Pick<QuantType, "shape">): {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
} {
  const channels = type.shape.at(-1)!;
  const [height, width] =
    type.shape.length === 3 ? [type.shape[0]!, type.shape[1]!] : [1, elementCount(type.shape) / channels];
  return { height, width, channels };
}

/** Hands out addresses first; the memory itself comes when all are known. */
export class KernelMemory {
  #end = FIRST_ADDRESS;
  readonly #contents: { readonly address: number; readonly data: Uint8Array }[] = [];

  /** Bytes handed out so far. */
  get size(): number {
    return this.#end;
  }

  /** Reserve zeroed bytes. */
  reserve(bytes: number): number {
    const address = this.#end;
    this.#end += (bytes + SLACK_BYTES + 15) & ~15;
    return address;
  }

  /** Reserve bytes that begin with some content. */
  place(data: ArrayBufferView): number {
    const address = this.reserve(data.byteLength);
    this.#contents.push({ address, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) });
    return address;
  }

  /**
   * Reserve a value of a layer.
   *
   * @param isDense pixels without gaps, as outside; otherwise their channels are filled up to whole vectors
   */
  reserveValue(type: QuantType, border: Padding, isDense: boolean): ValueLayout {
    const { height, width, channels } = imageExtents(type);
    const pixelBytes = 2 * (isDense ? channels : Math.ceil(channels / LANES) * LANES);
    const rowBytes = (border.left + width + border.right) * pixelBytes;
    const start = this.reserve((border.top + height + border.bottom) * rowBytes);
    const address = start + border.top * rowBytes + border.left * pixelBytes;
    return { address, pixelBytes, rowBytes, height, width, channels };
  }

  /** Make the kernel with all of this in its memory. */
  instantiate(): GoldenKernel {
    const kernel = instantiateKernel<GoldenKernel>("golden");
    growMemory(kernel.memory, this.#end);
    const bytes = new Uint8Array(kernel.memory.buffer);
    for (const { address, data } of this.#contents) bytes.set(data, address);
    return kernel;
  }
}

/** View values that lie densely in a kernel's memory, in the array type of `type`. */
export function viewValues(kernel: GoldenKernel, address: number, type: QuantType): QuantValues {
  const values = allocateValues(type, 0);
  const Values = values.constructor as new (
    buffer: ArrayBuffer,
    offset: number,
    length: number,
  ) => QuantValues;
  return new Values(kernel.memory.buffer, address, elementCount(type.shape));
}

/** Record of `pack` and `unpack`. */
export function moveRecord(layout: ValueLayout, type: QuantType): Int32Array {
  const { address, pixelBytes, rowBytes, width, height, channels } = layout;
  const storage = type.bits > 8 ? 2 : type.signed ? 1 : 0;
  return Int32Array.of(address, pixelBytes, rowBytes, width, height, channels, type.zeroPoint, storage);
}
