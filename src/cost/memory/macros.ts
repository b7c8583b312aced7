/** A published memory macro. Absent figures are not published (or, where said, not taken for what they are). */
export type MemoryMacro = {
  readonly name: string;
  /** 1: one access a cycle; 2: two ports (two of read and write, or one of both and one of read). */
  readonly ports: 1 | 2;
  readonly words: number;
  readonly bits: number;
  /** Words that share a row of cells. */
  readonly columnMux: number;
  readonly areaUm2: number;
  /** An access that writes and reads the word through, which is what the data sheet gives as typical. */
  readonly writeThroughPj?: number;
  readonly readPj?: number;
  readonly writePj?: number;
  readonly leakageNw?: number;
  /** Clock to output, or the least period where that is what is stated. */
  readonly accessPs?: number;
};

/** Macros of one compiler in one process. */
export type MacroFamily = {
  readonly name: string;
  readonly nodeNm: number;
  readonly supplyV: number;
  readonly source: string;
  readonly macros: readonly MemoryMacro[];
};

type Row = readonly [
  name: string,
  ports: 1 | 2,
  words: number,
  bits: number,
  columnMux: number,
  areaUm2: number,
  rest?: Omit<MemoryMacro, "name" | "ports" | "words" | "bits" | "columnMux" | "areaUm2">,
];

const macros = (rows: readonly Row[]): MemoryMacro[] =>
  rows.map(([name, ports, words, bits, columnMux, areaUm2, rest = {}]) => ({
    name,
    ports,
    words,
    bits,
    columnMux,
    areaUm2,
    ...rest,
  }));

/**
 * IHP SG13G2 macros, typical 1.20 V 25 °C. Width × height, clock to output (rising), leakage and "Total Typical Power" (µW/MHz) of the data
 * sheets; area, leakage and delay of the 2P_1024x16 and area of the 2P_256x8 of their Liberty files; the energies of reading and writing
 * (clock pin, by condition) of the Liberty files of 1P_1024x16, 1P_512x64 and 1P_4096x8.
 */
const sg13g2: MacroFamily = {
  name: "sg13g2",
  nodeNm: 130,
  supplyV: 1.2,
  source: "IHP-Open-PDK, ihp-sg13g2/libs.ref/sg13g2_sram, doc and lib (Apache-2.0)",
  macros: macros([
    [
      "RM_IHPSG13_1P_64x16_c2",
      1,
      64,
      16,
      4,
      236.8 * 64.36,
      { writeThroughPj: 15.95, leakageNw: 12.38, accessPs: 3010 },
    ],
    [
      "RM_IHPSG13_1P_64x64_c2_bm_bist",
      1,
      64,
      64,
      4,
      784.48 * 64.36,
      { writeThroughPj: 56.8, leakageNw: 49.5 },
    ],
    [
      "RM_IHPSG13_1P_256x48_c2_bm_bist",
      1,
      256,
      48,
      4,
      596.48 * 118.78,
      { writeThroughPj: 55.14, leakageNw: 148.5, accessPs: 3160 },
    ],
    [
      "RM_IHPSG13_1P_256x64_c2_bm_bist",
      1,
      256,
      64,
      4,
      784.48 * 118.78,
      { writeThroughPj: 72.56, leakageNw: 198, accessPs: 3110 },
    ],
    [
      "RM_IHPSG13_1P_512x32_c2_bm_bist",
      1,
      512,
      32,
      4,
      416.64 * 191.34,
      { writeThroughPj: 47.61, leakageNw: 198, accessPs: 3850 },
    ],
    [
      "RM_IHPSG13_1P_512x64_c2_bm_bist",
      1,
      512,
      64,
      4,
      784.48 * 191.34,
      { writeThroughPj: 91.423, readPj: 68.8967, writePj: 80.016, leakageNw: 396.031, accessPs: 3870 },
    ],
    [
      "RM_IHPSG13_1P_1024x8_c2_bm_bist",
      1,
      1024,
      8,
      4,
      146.88 * 336.46,
      { writeThroughPj: 19.7, leakageNw: 99.01, accessPs: 4260 },
    ],
    [
      "RM_IHPSG13_1P_1024x16_c2_bm_bist",
      1,
      1024,
      16,
      4,
      236.8 * 336.46,
      { writeThroughPj: 33.76, readPj: 26.4863, writePj: 32.918, leakageNw: 198.0155, accessPs: 4300 },
    ],
    [
      "RM_IHPSG13_1P_1024x64_c2_bm_bist",
      1,
      1024,
      64,
      4,
      784.48 * 336.46,
      { writeThroughPj: 118.1, leakageNw: 792.1, accessPs: 4380 },
    ],
    [
      "RM_IHPSG13_1P_2048x64_c2_bm_bist",
      1,
      2048,
      64,
      4,
      784.48 * 626.7,
      { writeThroughPj: 156.4, leakageNw: 1584, accessPs: 5430 },
    ],
    [
      "RM_IHPSG13_1P_4096x8_c3_bm_bist",
      1,
      4096,
      8,
      8,
      236.8 * 618.3,
      { writeThroughPj: 41.0961, readPj: 33.7167, writePj: 42.2119, leakageNw: 396.031, accessPs: 5320 },
    ],
    [
      "RM_IHPSG13_1P_4096x16_c3_bm_bist",
      1,
      4096,
      16,
      8,
      416.64 * 618.3,
      { writeThroughPj: 73.17, leakageNw: 792.1, accessPs: 5370 },
    ],
    [
      "RM_IHPSG13_2P_64x22_c2_bm_bist",
      2,
      64,
      22,
      4,
      526.03 * 74.87,
      { writeThroughPj: 21.05, leakageNw: 27.41, accessPs: 3070 },
    ],
    [
      "RM_IHPSG13_2P_64x32_c2",
      2,
      64,
      32,
      4,
      702.83 * 74.87,
      { writeThroughPj: 29.57, leakageNw: 39.86, accessPs: 3140 },
    ],
    ["RM_IHPSG13_2P_256x8_c2_bm_bist", 2, 256, 8, 4, 38147.5147],
    [
      "RM_IHPSG13_2P_1024x16_c2_bm_bist",
      2,
      1024,
      16,
      4,
      155153.8157,
      { writeThroughPj: 33.76, readPj: 26.4863, writePj: 32.918, leakageNw: 318.9007, accessPs: 4310 },
    ],
  ]),
};

/**
 * OpenRAM macros of SkyWater 130 nm, one port of reading and writing and one of reading, typical 1.8 V 25 °C. Size of the LEF views; energies
 * (rise and fall of the clock, port 1 reading, port 0 writing), leakage, least period and words a row of the files `datasheet.info`.
 */
const sky130: MacroFamily = {
  name: "sky130",
  nodeNm: 130,
  supplyV: 1.8,
  source: "VLSIDA/sky130_sram_macros, LEF and datasheet.info (BSD-3)",
  macros: macros([
    [
      "sky130_sram_1kbyte_1rw1r_32x256_8",
      2,
      256,
      32,
      2,
      479.78 * 397.5,
      { readPj: 5.425334, writePj: 4.598516, leakageNw: 911.7994, accessPs: 6875 },
    ],
    [
      "sky130_sram_1kbyte_1rw1r_8x1024_8",
      2,
      1024,
      8,
      8,
      464.82 * 447.14,
      { readPj: 4.549585, writePj: 3.131025, leakageNw: 678.7435, accessPs: 6045 },
    ],
    [
      "sky130_sram_2kbyte_1rw1r_32x512_8",
      2,
      512,
      32,
      4,
      683.1 * 416.54,
      { readPj: 5.387906, writePj: 5.347443, leakageNw: 1379.771, accessPs: 5156 },
    ],
  ]),
};
/** Area of a two-port OpenRAM bit cell: 50479.104 µm² of array for 8,192 bits (`datasheet.info` of the 1 KB macros). */
export const openRamCellUm2 = 50479.104 / 8192;

/**
 * ASAP7 macros, one port, 0.7 V: areas of the Liberty files (computed there from the LEF views). The files state the same energies for every
 * size, those of the 8 KB bank that they are named after, so they are taken for the 1024x64 alone: read 1.44236 + 0.373495 pJ of the
 * supply rail. Their leakage of 0 and their delays, equal for every size too, are not taken.
 */
const asap7: MacroFamily = {
  name: "asap7",
  nodeNm: 7,
  supplyV: 0.7,
  source: "The-OpenROAD-Project/asap7_sram_0p0, generated/LIB (BSD-3)",
  macros: macros([
    ["srambank_64x4x16_6t122", 1, 256, 16, 4, 249.14304],
    ["srambank_64x4x64_6t122", 1, 256, 64, 4, 747.42912],
    ["srambank_128x4x32_6t122", 1, 512, 32, 4, 691.2],
    ["srambank_256x4x16_6t122", 1, 1024, 16, 4, 786.62016],
    ["srambank_256x4x64_6t122", 1, 1024, 64, 4, 2359.86048, { readPj: 1.815855 }],
  ]),
};

/** CACTI 7 at 45 nm, high performance, one 64-bit port: an estimate of another tool, to compare the fitted laws with. */
export const cacti45 = [
  { bytes: 8192, readPj: 6.05, areaUm2: 29_000 },
  { bytes: 32768, readPj: 17, areaUm2: 106_000 },
] as const;

/** Published macros, by compiler and process. */
export const macroFamilies = { sg13g2, sky130, asap7 } as const;
/** Name of a family of macros. */
export type MacroFamilyName = keyof typeof macroFamilies;

/** Columns and rows of the array of a macro. */
export const arrayOf = ({ words, bits, columnMux }: Pick<MemoryMacro, "words" | "bits" | "columnMux">) => ({
  columns: bits * columnMux,
  rows: words / columnMux,
});
