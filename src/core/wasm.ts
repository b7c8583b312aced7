import { invariant } from "./errors.js";
import { readKernel } from "./files.js";

/** The part of the WebAssembly interface that is used; TypeScript describes it only for browsers. */
export type WasmMemory = { readonly buffer: ArrayBuffer; grow(pages: number): number };
type WasmApi = {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: unknown };
};
const webAssembly = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;

const compiled = new Map<string, object>();

/**
 * Make an instance, with a memory of its own, of a kernel built from `src/kernels/NAME.ts`.
 *
 * @throws FixynnError FX9001 when the kernel is not built
 */
export function instantiateKernel<Exports extends { readonly memory: WasmMemory }>(name: string): Exports {
  const module = compiled.get(name) ?? new webAssembly.Module(readKernel(name));
  compiled.set(name, module);
  const imports = { env: { abort: () => invariant(false, `kernel ${name} aborted`) } };
  return new webAssembly.Instance(module, imports).exports as Exports;
}

/** Let a kernel's memory hold at least so many bytes. Views of the old memory are lost. */
export function growMemory(memory: WasmMemory, bytes: number): void {
  const missing = Math.ceil((bytes - memory.buffer.byteLength) / 65536);
  if (missing > 0) memory.grow(missing);
}
