import type { Field } from "./isa/index.js";

/** A register of the engine's AXI4-Lite port. */
export type EngineRegister = {
  /** Byte address. */
  readonly at: number;
  readonly access: "read" | "write" | "clear";
  readonly doc: string;
};

/** First word that a host reads: "FXA1". */
export const ENGINE_ID = 0x46584131;

/** Codes in STATUS. */
export const ENGINE_ERRORS = { none: 0, memory: 1, fingerprint: 2, magic: 3 } as const;

/** The register map: 32 bits each. `write` can be read back, `clear` is cleared by writing ones. */
export const engineRegisters = {
  id: { at: 0x00, access: "read", doc: '0x46584131, "FXA1"' },
  fingerprint: {
    at: 0x04,
    access: "read",
    doc: "CRC-32 of the configuration of this engine; programs carry it",
  },
  control: { at: 0x08, access: "write", doc: "bit 0 start (reads 0), bit 1 interrupt enable" },
  status: {
    at: 0x0c,
    access: "read",
    doc: "bit 0 busy, bit 1 done, bits 15:8 error: 1 memory, 2 fingerprint, 3 magic",
  },
  programBase: {
    at: 0x10,
    access: "write",
    doc: "multiple of 4,096; taken at each frame's start: another task is this one write",
  },
  frames: {
    at: 0x14,
    access: "write",
    doc: "frames to run, looked at behind each frame; 0: go on until it is something else",
  },
  interrupt: { at: 0x18, access: "clear", doc: "bit 0 done, bit 1 error" },
  scratchBase: { at: 0x1c, access: "write", doc: "where spilled activations go; multiple of 4,096" },
  resultBase: { at: 0x20, access: "write", doc: "of the first frame's results; multiple of the burst" },
  resultStride: { at: 0x24, access: "write", doc: "bytes from frame to frame; multiple of the burst" },
  imageBase: {
    at: 0x28,
    access: "write",
    doc: "of the first frame's image, where there is no stream input; multiple of the burst",
  },
  imageStride: { at: 0x2c, access: "write", doc: "bytes from frame to frame; multiple of the burst" },
  cycles: { at: 0x30, access: "read", doc: "busy cycles since the start" },
  stallWeights: { at: 0x34, access: "read", doc: "busy cycles in which the array waited for weights" },
  stallInput: {
    at: 0x38,
    access: "read",
    doc: "busy cycles in which the array waited for a frame of the stream input",
  },
  stallTransfer: {
    at: 0x3c,
    access: "read",
    doc: "busy cycles in which the array waited for a load or store",
  },
  stallDrain: { at: 0x40, access: "read", doc: "busy cycles in which the array waited for a bank of sums" },
  framesDone: { at: 0x44, access: "read", doc: "frames complete since the start" },
  readBeats: { at: 0x48, access: "read", doc: "beats read from memory since the start" },
  writeBeats: { at: 0x4c, access: "read", doc: "beats written to memory since the start" },
} as const satisfies Record<string, EngineRegister>;

/** Fields of the registers that are not one number. */
export const registerFields = {
  control: {
    start: { at: 0, width: 1, doc: "writing 1 starts, unless busy; reads 0" },
    interruptEnable: { at: 1, width: 1, doc: "let `irq` follow INTERRUPT" },
  },
  status: {
    busy: { at: 0, width: 1, doc: "frames are being computed" },
    done: { at: 1, width: 1, doc: "all frames since the start are done" },
    error: { at: 8, width: 8, doc: "why the engine stopped: 0 none, 1 memory, 2 fingerprint, 3 magic" },
  },
  interrupt: {
    done: { at: 0, width: 1, doc: "all frames are done" },
    error: { at: 1, width: 1, doc: "the engine stopped with an error" },
  },
} as const satisfies Partial<Record<keyof typeof engineRegisters, Readonly<Record<string, Field>>>>;
