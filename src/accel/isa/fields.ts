/** A field of a descriptor: `width` bits from bit `at` on, little endian, two's complement when signed. `docs/accel-isa.md` is made of these tables. */
export type Field = {
  readonly at: number;
  readonly width: number;
  readonly signed?: true;
  readonly doc: string;
};

/** Bytes of a header and of a descriptor. */
export const DESCRIPTOR_BYTES = 128;
/** Bytes of an entry of the weight list. */
export const WEIGHT_ENTRY_BYTES = 16;
/** First word of a program: "FXA1". */
export const PROGRAM_MAGIC = 0x46584131;

/** What a descriptor asks for, as its low four bits say. */
export const OPERATIONS = { end: 0, layer: 1, load: 2, store: 3 } as const;
/** Memory that a transfer's offset counts from; each has a base register, all but scratch and program move on frame by frame. */
export const SPACES = { scratch: 0, result: 1, image: 2, program: 3 } as const;

const common = {
  operation: { at: 0, width: 4, doc: "0 end of the frame, 1 layer, 2 load, 3 store" },
  waitLayers: {
    at: 16,
    width: 16,
    doc: "layers of this frame that must be complete before it starts; only layers before it count",
  },
  waitTransfers: {
    at: 32,
    width: 16,
    doc: "loads and stores of this frame that must be complete before it starts; only those before it count",
  },
} as const;

/** The first 128 bytes of a program. */
export const headerFields = {
  magic: { at: 0, width: 32, doc: '0x46584131, "FXA1"' },
  fingerprint: {
    at: 32,
    width: 32,
    doc: "CRC-32 of the configuration of the engine that the program is for; another engine stops with error 2",
  },
  descriptors: { at: 64, width: 16, doc: "descriptors behind the header, the end included" },
  weightEntries: { at: 96, width: 16, doc: "entries of the weight list" },
  weightList: {
    at: 128,
    width: 32,
    doc: "byte offset of the weight list from the program's base; a multiple of the burst",
  },
} as const satisfies Record<string, Field>;

/** An entry of the weight list: a run of the weight image, read `repeat` times in a row. */
export const weightEntryFields = {
  offset: { at: 0, width: 32, doc: "byte offset from the program's base; a multiple of the burst" },
  beats: { at: 32, width: 32, doc: "beats of the memory port, 1 or more" },
  repeat: { at: 64, width: 16, doc: "times that the run is read, 1 or more" },
} as const satisfies Record<string, Field>;

/** The end of a frame: it starts when all layers and transfers before it are complete, whatever the other bits are. */
export const endFields = { operation: common.operation } as const satisfies Record<string, Field>;

/** Load and store: whole rows of a tensor between a bank-interleaved buffer and one contiguous run of memory. */
export const transferFields = {
  ...common,
  space: {
    at: 4,
    width: 2,
    doc: "base register that the offset counts from: 0 scratch, 1 result, 2 image, 3 program",
  },
  offset: { at: 48, width: 32, doc: "bytes from that base, a multiple of the burst" },
  start: { at: 80, width: 16, doc: "bank address of the first row's first word" },
  startBank: { at: 96, width: 2, doc: "bank of the first row; row i lies in bank (startBank + i) mod 4" },
  rows: { at: 112, width: 13, doc: "rows, 1 or more" },
  rowWords: { at: 128, width: 16, doc: "words of a row, 1 or more" },
  beats: { at: 144, width: 32, doc: "beats of the memory port: ⌈rows · rowWords · word bytes / beat bytes⌉" },
} as const satisfies Record<string, Field>;

/** A layer, or a part of one: a nest of loops over output channels, stripes of output pixels, and passes of the array. */
export const layerFields = {
  ...common,
  windowed: {
    at: 4,
    width: 1,
    doc: "0 every lane sees the same cPar channels; 1 each lane sees a window of its own channel",
  },
  maximum: { at: 5, width: 1, doc: "passes keep the larger sum instead of adding; sums must be 0 to 255" },
  waitInput: { at: 6, width: 1, doc: "wait for a frame in the stream input's slot" },
  releaseInput: { at: 7, width: 1, doc: "the slot is free when the layer is complete" },
  sourceAInput: { at: 8, width: 1, doc: "source A lies in the stream input's current slot: add its base" },
  sourceBInput: { at: 9, width: 1, doc: "source B lies in the stream input's current slot: add its base" },
  weightsStream: {
    at: 10,
    width: 1,
    doc: "every stripe has its own copy of the blocks in the stream: none is read twice",
  },
  weightsKeep: {
    at: 11,
    width: 1,
    doc: "leave the layer's weights in the ring and go back to their start: the next layer reads them too",
  },
  weightsShared: {
    at: 12,
    width: 1,
    doc: "all groups of output channels read the first one's parameters and blocks",
  },
  doubleRounding: { at: 13, width: 1, doc: "round the product, divided by 2^31, before the shift" },
  tiesAway: {
    at: 14,
    width: 1,
    doc: "the shift rounds negative ties down, away from zero; else all ties go up",
  },
  fourRows: { at: 15, width: 1, doc: "windowed: a pass covers four rows of the kernel, else one" },
  // Loops
  groups: { at: 48, width: 12, doc: "groups of kPar output channels" },
  planes: { at: 60, width: 4, doc: "rounds of all passes over the kernel and the channels, 1 to 8" },
  planeSource: { at: 64, width: 8, doc: "bit i: plane i reads source B, else A" },
  planeScale: { at: 72, width: 8, doc: "bit i: the first pass of plane i multiplies the sums so far by 256" },
  rowPasses: { at: 80, width: 6, doc: "passes along the kernel's rows" },
  columnPasses: { at: 86, width: 6, doc: "passes along the kernel's columns" },
  channelPasses: { at: 96, width: 12, doc: "passes along the input channels, cPar each; windowed: 1" },
  columns: { at: 108, width: 3, doc: "columns of the kernel in each column pass but the last, 1 to 4" },
  lastColumns: { at: 112, width: 3, doc: "columns of the kernel in the last column pass, 1 to 4" },
  passes: {
    at: 128,
    width: 20,
    doc: "blocks of weights a stripe: planes · row passes · column passes · channel passes",
  },
  rowStripes: { at: 148, width: 12, doc: "stripes down the output" },
  stripeRows: { at: 160, width: 9, doc: "output rows of a stripe" },
  lastStripeRows: { at: 169, width: 9, doc: "output rows of the lowest stripes" },
  columnStripes: { at: 178, width: 12, doc: "stripes across the output" },
  stripeColumns: { at: 192, width: 9, doc: "output columns of a stripe" },
  lastStripeColumns: { at: 201, width: 9, doc: "output columns of the rightmost stripes" },
  // Source
  sourceAStart: {
    at: 224,
    width: 16,
    doc: "bank address of row ⌊originY / 4⌋ · 4, column originX of source A, modulo 2^16",
  },
  sourceBStart: {
    at: 240,
    width: 16,
    doc: "bank address of row ⌊originY / 4⌋ · 4, column originX of source B, modulo 2^16",
  },
  rowWords: { at: 256, width: 16, doc: "words of a row of the source" },
  height: { at: 272, width: 13, doc: "rows of the source; others are padding" },
  width: { at: 288, width: 13, doc: "columns of the source; others are padding" },
  originY: {
    at: 304,
    width: 14,
    signed: true,
    doc: "source row under the kernel's first row at the first output",
  },
  originX: {
    at: 320,
    width: 14,
    signed: true,
    doc: "source column under the kernel's first column at the first output",
  },
  pixelWords: { at: 336, width: 12, doc: "words of a pixel of the source" },
  columnStep: { at: 348, width: 4, doc: "columns from fetch to fetch" },
  columnStepWords: { at: 352, width: 16, doc: "words from fetch to fetch: columnStep · pixelWords" },
  emitEvery: { at: 368, width: 4, doc: "fetches from output column to output column" },
  strideRows: { at: 372, width: 4, doc: "source rows from output row to output row" },
  strideRowWords: { at: 384, width: 16, doc: "⌊strideRows / 4⌋ · rowWords" },
  kernelColumnWords: {
    at: 400,
    width: 16,
    doc: "words from column pass to column pass: columns · pixelWords",
  },
  stripeSourceRows: { at: 416, width: 13, doc: "source rows from stripe to stripe: stripeRows · strideRows" },
  stripeSourceRowWords: { at: 432, width: 16, doc: "⌊stripeSourceRows / 4⌋ · rowWords" },
  stripeSourceColumns: { at: 448, width: 13, doc: "source columns from stripe to stripe" },
  stripeSourceColumnWords: {
    at: 464,
    width: 16,
    doc: "words from stripe to stripe: stripeSourceColumns · pixelWords",
  },
  padding: { at: 480, width: 8, doc: "byte that stands outside the source" },
  weightZero: {
    at: 488,
    width: 8,
    doc: "subtracted from each byte of weights; only in engines of 9-bit weights",
  },
  // Destination
  targetStart: {
    at: 512,
    width: 16,
    doc: "bank address of the first output's pixel: row ⌊targetRow / 4⌋ · 4",
  },
  targetBank: { at: 528, width: 2, doc: "targetRow mod 4" },
  targetRowWords: { at: 544, width: 16, doc: "words of a row of the target" },
  targetPixelWords: { at: 560, width: 12, doc: "words of a pixel of the target" },
  stripeTargetRowWords: { at: 576, width: 16, doc: "⌊stripeRows / 4⌋ · targetRowWords" },
  stripeTargetColumnWords: { at: 592, width: 16, doc: "stripeColumns · targetPixelWords" },
  // Requantization
  zeroPoint: { at: 608, width: 8, doc: "added to the rounded result" },
  low: { at: 616, width: 8, doc: "least output byte" },
  high: { at: 624, width: 8, doc: "largest output byte" },
  multiplierPasses: {
    at: 632,
    width: 3,
    doc: "cycles a requantizer takes a value: ⌈bits of the widest multiplier / multiplierBits⌉",
  },
} as const satisfies Record<string, Field>;

/** A lane's entry of requantization parameters in the weight stream, 16 bytes. */
export const parameterFields = {
  bias: { at: 0, width: 32, signed: true, doc: "added to the sum, in 32 bits" },
  multiplier: { at: 32, width: 32, doc: "unsigned, below 2^31" },
  shift: { at: 64, width: 6, doc: "bits of the product that rounding drops; 0 drops none" },
} as const satisfies Record<string, Field>;
