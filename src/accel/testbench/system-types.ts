/** Testbench module of an engine with its memory. */
export const SYSTEM_TESTBENCH = "system_tb";

/** Bytes from an address on. */
export type MemoryRegion = {
  /** Multiple of the port's beat. */
  readonly address: number;
  readonly bytes: Uint8Array;
};

/** Registers that a task writes before it starts, besides PROGRAM_BASE and FRAMES. */
export type TaskRegisters = Partial<
  Record<"scratchBase" | "resultBase" | "resultStride" | "imageBase" | "imageStride", number>
>;

/** One run of the engine, from the writing of its registers to its interrupt. */
export type SystemTask = {
  readonly programBase: number;
  readonly frames: number;
  /** Written in this order, then PROGRAM_BASE, FRAMES and CONTROL. Registers that are not given keep what they hold. */
  readonly registers?: TaskRegisters;
  /** Code that STATUS must show at the end; default 0, and then the frames must be done. */
  readonly error?: number;
  /** What memory must hold at the end; where `care` is 0 a byte may be anything. */
  readonly expected: readonly (MemoryRegion & { readonly care?: Uint8Array })[];
};

/** An engine, alone or behind a front, with what its memory holds and what it shall do. */
export type SystemTestbench = {
  /** `fxa_engine`, `fixynn_top`, or another module with the same ports. */
  readonly module: string;
  /** Bytes of a beat of the memory port, a multiple of four. */
  readonly dataBytes: number;
  /** Beats of the longest burst that the engine may ask for; default 256. */
  readonly burstBeats?: number;
  /** All frames of all tasks as beats of the AXI4-Stream input; `null` without one. */
  readonly stream: { readonly beatBytes: number; readonly bytes: Uint8Array } | null;
  /** What memory holds at the start; the rest is 0. */
  readonly contents: readonly MemoryRegion[];
  /** Memory from address 0 on; default up to the end of what is given, in steps of 4,096. */
  readonly memoryBytes?: number;
  readonly tasks: readonly SystemTask[];
  /** Cycles without a handshake on any port after which it gives up; default 1,000,000. */
  readonly patienceCycles?: number;
};

/** Beats of the stream. */
export const STREAM_FILE = `${SYSTEM_TESTBENCH}_stream.hex`;
/** What memory holds at the start, region by region. */
export const contentsFile = (region: number): string => `${SYSTEM_TESTBENCH}_memory_${region}.hex`;
/** What memory must hold, region by region through all tasks; above each beat a bit a byte that says whether it matters. */
export const expectedFile = (region: number): string => `${SYSTEM_TESTBENCH}_expected_${region}.hex`;
