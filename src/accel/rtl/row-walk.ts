import { literal, type Signal, signalWidth, sliceOf } from "../../hw/index.js";
import { ADDRESS_BITS } from "../config.js";
import type { Kit } from "./kit.js";

/** Where a walk begins and how far it goes. */
export type RowWalkStart = {
  /** The walk begins anew at the next edge; beats `step`. */
  readonly when: Signal;
  /** Bank address of the first row, 16 bits. */
  readonly address: Signal;
  /** Bank of the first row, 2 bits. */
  readonly bank: Signal;
  /** Rows, 1 or more. */
  readonly rows: Signal;
  /** Words of the first row, 1 or more. */
  readonly rowWords: Signal;
};

/** Words and rows that are left, and when they end. */
export type RowCount = {
  /** The present word is the last of its row. */
  readonly rowEnd: Signal;
  /** The last word of all. */
  readonly last: Signal;
};

/** Count the words of rows: `start` begins anew and beats `step`, which is done with a word. */
export function rowCount(
  kit: Kit,
  name: string,
  {
    start,
    rowWords,
    step,
    afterReset,
  }: Omit<RowWalkOptions, "start"> & {
    readonly start: Pick<RowWalkStart, "when" | "rows" | "rowWords">;
  },
): RowCount {
  const wordsLeft = kit.state(`${name}_words_left_q`, signalWidth(start.rowWords), afterReset?.rowWords ?? 0);
  const rowsLeft = kit.state(`${name}_rows_left_q`, signalWidth(start.rows), afterReset?.rows ?? 0);
  const rowEnd = kit.equal(`${name}_row_end`, wordsLeft.q, 1);
  const last = kit.and(`${name}_last`, rowEnd, kit.equal(`${name}_last_row`, rowsLeft.q, 1));
  const anyRow = kit.or(`${name}_any_row`, start.when, kit.and(`${name}_row_counted`, step, rowEnd));
  wordsLeft.set(
    kit.first(
      `${name}_words_left`,
      [
        [start.when, start.rowWords],
        [rowEnd, rowWords],
      ],
      kit.subtract(`${name}_fewer_words`, wordsLeft.q, literal(1, 1)),
    ),
    kit.or(`${name}_any_word`, start.when, step),
  );
  rowsLeft.set(
    kit.mux(
      `${name}_rows_left`,
      start.when,
      start.rows,
      kit.subtract(`${name}_fewer_rows`, rowsLeft.q, literal(1, 1)),
    ),
    anyRow,
  );
  return { rowEnd, last };
}

/** Arguments of {@link rowWalk}. */
export type RowWalkOptions = {
  readonly start: RowWalkStart;
  /** Words of a row, held while the walk is on. */
  readonly rowWords: Signal;
  /** The present word is done with. */
  readonly step: Signal;
  /** A walk from address 0 of bank 0 is on after reset. */
  readonly afterReset?: { readonly rows: number; readonly rowWords: number };
};

/** The present word of a walk; registers but `rowEnd` and `last`. */
export type RowWalk = {
  readonly bank: Signal;
  readonly address: Signal;
  /** The last word of its row. */
  readonly rowEnd: Signal;
  /** The last word of all. */
  readonly last: Signal;
};

/**
 * Walk through the words of a tensor in the four banks, row after row: row i lies in bank (first + i) mod 4; a row's words are consecutive,
 * and the four rows of a block begin at the same address.
 */
export function rowWalk(
  kit: Kit,
  name: string,
  { start, rowWords, step, afterReset }: RowWalkOptions,
): RowWalk {
  const address = kit.state(`${name}_address_q`, ADDRESS_BITS);
  const block = kit.state(`${name}_block_q`, ADDRESS_BITS, 0, "where the rows of this block begin");
  const bank = kit.state(`${name}_bank_q`, 2);
  const { rowEnd, last } = rowCount(kit, name, {
    start,
    rowWords,
    step,
    ...(afterReset === undefined ? {} : { afterReset }),
  });
  const inLastBank = kit.and(`${name}_in_last_bank`, sliceOf(bank.q, 0, 1), sliceOf(bank.q, 1, 1));
  const onward = kit.or(`${name}_onward`, kit.not(`${name}_in_row`, rowEnd), inLastBank);
  const nextAddress = kit.add(`${name}_next_address`, address.q, literal(1, 1));
  const rowStep = kit.and(`${name}_row_step`, step, rowEnd);
  const anyRow = kit.or(`${name}_any_row`, start.when, rowStep);
  const anyStep = kit.or(`${name}_any_step`, start.when, step);
  address.set(
    kit.first(
      `${name}_address`,
      [
        [start.when, start.address],
        [onward, nextAddress],
      ],
      block.q,
    ),
    anyStep,
  );
  block.set(
    kit.mux(`${name}_block`, start.when, start.address, nextAddress),
    kit.or(`${name}_new_block`, start.when, kit.and(`${name}_block_step`, rowStep, inLastBank)),
  );
  bank.set(
    kit.mux(`${name}_bank`, start.when, start.bank, kit.add(`${name}_next_bank`, bank.q, literal(1, 1))),
    anyRow,
  );
  return { bank: bank.q, address: address.q, rowEnd, last };
}
