import { csdDigitCount } from "../csd.js";

/** Signed digits of an integer as two bit masks: value = positive − negative, no bit in both. */
export type DigitMasks = { readonly positive: number; readonly negative: number };

/** Most forms that {@link minimalForms} lists of one integer. */
const MOST_FORMS = 8;

/**
 * List representations of an integer with the fewest signed digits, the canonical one included (e.g. 3 = 4 − 1 = 2 + 1): at each
 * odd remainder either neighbour may follow, as long as the digits that are left suffice. At most {@link MOST_FORMS} are listed.
 *
 * @param value an integer below 2^29 in magnitude
 */
export function minimalForms(value: number): readonly DigitMasks[] {
  const forms: DigitMasks[] = [];
  const visit = (rest: number, shift: number, digits: number, masks: DigitMasks): void => {
    if (forms.length === MOST_FORMS) return;
    if (rest === 0) forms.push(masks);
    else if (rest % 2 === 0) visit(rest / 2, shift + 1, digits, masks);
    else {
      // The remainder 1 modulo 4 has −… only if that costs no digit; the canonical choice comes first.
      const canonical = ((rest % 4) + 4) % 4 === 1 ? 1 : -1;
      for (const digit of [canonical, -canonical]) {
        const next = (rest - digit) / 2;
        if (csdDigitCount(next) >= digits) continue;
        const bit = 1 << shift;
        visit(next, shift + 1, digits - 1, {
          positive: masks.positive | (digit > 0 ? bit : 0),
          negative: masks.negative | (digit < 0 ? bit : 0),
        });
      }
    }
  };
  visit(value, 0, csdDigitCount(value), { positive: 0, negative: 0 });
  return forms;
}

/** Keeps {@link minimalForms} of the integers seen, as flat pairs [positive, negative, …]. */
export class FormTable {
  readonly #forms = new Map<number, Int32Array>();

  of(value: number): Int32Array {
    let forms = this.#forms.get(value);
    if (forms === undefined) {
      forms = Int32Array.from(minimalForms(value).flatMap(({ positive, negative }) => [positive, negative]));
      this.#forms.set(value, forms);
    }
    return forms;
  }
}

/** Count the ones of a 32-bit mask. */
export function popCount(mask: number): number {
  let x = mask - ((mask >>> 1) & 0x55555555);
  x = (x & 0x33333333) + ((x >>> 2) & 0x33333333);
  return Math.imul((x + (x >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
