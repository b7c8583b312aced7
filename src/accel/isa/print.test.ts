import { describe, expect, it } from "vitest";
import { quantType, randomWeighted, singleLayerNetwork } from "../../../test/helpers/quant-networks.js";
import { createRng } from "../../core/index.js";
import { compileEngine, encodeProgram, engineConfig, parseProgram, printProgram } from "../index.js";

const layer = randomWeighted(createRng(3), "conv2d", quantType([12, 6, 5], { zeroPoint: 7 }), 10, {
  kernel: { height: 3, width: 3 },
  stride: { height: 2, width: 1 },
  padding: { top: 1, bottom: 1, left: 1, right: 1 },
});
const network = singleLayerNetwork(quantType([12, 6, 5], { zeroPoint: 7 }), layer);
const small = { cPar: 8, kPar: 8, axiDataBytes: 8, activationBufferBytes: 4 * 8 * 36 };
const { bytes } = compileEngine({ network, config: engineConfig(small) });

describe("printProgram", () => {
  it("lists a tiled convolution", () => {
    expect(printProgram(parseProgram(bytes))).toMatchInlineSnapshot(`
      "program for engine 0x69c9dc56: 11 descriptors, 1 weight entries, 1520 bytes of weights
      0: load, after 0 layers, 0 transfers
          image + 0x000000, bank address 0x0000 bank 0: 12 rows of 6 words, 72 beats
      1: layer, after 0 layers, 1 transfers
          channels; weightsKeep
          source A at 0xfff9: 12×6, 1 words a pixel, 6 a row; origin -1, -1; padding 7
          target at 0x0012 bank 0: 2 words a pixel, 12 a row
          loops: 2 groups; rows 2; columns 6
          passes 9 = 1 planes (B 0x00, scaled 0x00) · 3 · 3 · 1; 3 × 1, last 1 columns; step 1, output every 1, row step 2
          requantize: + 100, 0 … 255; 1 cycles; weight zero 0
      2: store, after 1 layers, 0 transfers
          result + 0x000000, bank address 0x0012 bank 0: 1 rows of 12 words, 12 beats
      3: store, after 1 layers, 0 transfers
          result + 0x000080, bank address 0x0012 bank 1: 1 rows of 12 words, 12 beats
      4: layer, after 0 layers, 3 transfers
          channels; weightsKeep
          source A at 0xffff: 12×6, 1 words a pixel, 6 a row; origin 3, -1; padding 7
          target at 0x0012 bank 2: 2 words a pixel, 12 a row
          loops: 2 groups; rows 2; columns 6
          passes 9 = 1 planes (B 0x00, scaled 0x00) · 3 · 3 · 1; 3 × 1, last 1 columns; step 1, output every 1, row step 2
          requantize: + 100, 0 … 255; 1 cycles; weight zero 0
      5: store, after 2 layers, 0 transfers
          result + 0x000100, bank address 0x0012 bank 2: 1 rows of 12 words, 12 beats
      6: store, after 2 layers, 0 transfers
          result + 0x000180, bank address 0x0012 bank 3: 1 rows of 12 words, 12 beats
      7: layer, after 0 layers, 5 transfers
          channels
          source A at 0x0005: 12×6, 1 words a pixel, 6 a row; origin 7, -1; padding 7
          target at 0x0012 bank 0: 2 words a pixel, 12 a row
          loops: 2 groups; rows 2; columns 6
          passes 9 = 1 planes (B 0x00, scaled 0x00) · 3 · 3 · 1; 3 × 1, last 1 columns; step 1, output every 1, row step 2
          requantize: + 100, 0 … 255; 1 cycles; weight zero 0
      8: store, after 3 layers, 0 transfers
          result + 0x000200, bank address 0x0012 bank 0: 1 rows of 12 words, 12 beats
      9: store, after 3 layers, 0 transfers
          result + 0x000280, bank address 0x0012 bank 1: 1 rows of 12 words, 12 beats
      10: end
      weights:
      0: 0x000680, 176 beats
      "
    `);
  });
});

describe("parseProgram", () => {
  it("gives back what encodeProgram wrote", () => {
    expect(encodeProgram(parseProgram(bytes))).toEqual(bytes);
  });

  it("refuses a program cut off anywhere", () => {
    const { weightEntries } = parseProgram(bytes);
    const end = Math.max(...weightEntries.map(({ offset, beats }) => offset + beats * small.axiDataBytes));
    for (const length of [...Array.from({ length: Math.ceil(end / 61) }, (_, i) => 61 * i), end - 1])
      expect(() => parseProgram(bytes.subarray(0, length), small.axiDataBytes), `${length}`).toThrow(
        expect.objectContaining({ code: "FX5110" }),
      );
  });

  it("refuses an unknown operation and a missing end", () => {
    const unknown = bytes.slice();
    unknown[128] = 9;
    expect(() => parseProgram(unknown)).toThrow(/operation 9/);
    const endless = bytes.slice();
    endless[128 * parseProgram(bytes).instructions.length] = 1;
    expect(() => parseProgram(endless)).toThrow(/not the end/);
  });
});
