import type { ClockTarget } from "../../arith/index.js";
import {
  concat,
  counterWidth,
  type Module,
  ModuleBuilder,
  type Signal,
  signalWidth,
  sliceOf,
} from "../../hw/index.js";
import { ACTIVATION_BANKS, ADDRESS_BITS, type EngineConfig, engineShape } from "../config.js";
import { Kit } from "./kit.js";
import { tagBitsOf } from "./tag.js";

/** Cycles from a fetch at the inputs to its word or column, and its tag, at the outputs: request, memory, choice of bank and slice, output. */
export const ACTIVATION_LATENCY = 4;
/** Cycles from a store's read at the inputs to its word at `store_data`, which is the register that chose the bank. */
export const STORE_LATENCY = 3;

/** Levels of multiplexers between a memory, whose data come late in the cycle, and the next register. */
const LEVELS_AFTER_MEMORY = 2;

/** Bits of a slice number in a word. */
const SLICE_BITS = 4;

const banks = Array.from({ length: ACTIVATION_BANKS }, (_, bank) => bank);
const split = (word: Signal, bits: number): Signal[] =>
  Array.from({ length: signalWidth(word) / bits }, (_, i) => sliceOf(word, i * bits, bits));
const replicate = (word: Signal, copies: number): Signal =>
  concat(Array.from({ length: copies }, () => word));

/** A choice by some bits of a slice number. */
const choose = (kit: Kit, name: string, slice: Signal, from: number, values: readonly Signal[]): Signal =>
  values.length === 1 ? values[0]! : kit.select(name, sliceOf(slice, from, Math.log2(values.length)), values);

/** What a memory's word goes through is known one stage after another; a bit or number of a fetch, one cycle later each. */
type Stages = { readonly at1: Signal; readonly at2: Signal; readonly at3: Signal };

function stagesOf(kit: Kit, name: string, signal: Signal): Stages {
  const at1 = kit.delay(`${name}_at_1`, signal, 1, "control");
  const at2 = kit.delay(`${name}_at_2`, at1, 1, "control");
  return { at1, at2, at3: kit.delay(`${name}_at_3`, at2, 1, "control") };
}

/**
 * Build `fxa_activations`: four banks of memory, from which a fetch takes one word of row 0 (`word`) or a slice of one word of each of four
 * rows (`column`), {@link ACTIVATION_LATENCY} cycles later, padding in place of rows that are not inside the source. Only the banks and
 * slices that are wanted are read. Writers: drain (always), load, stream, in this order.
 */
export function buildActivations(config: EngineConfig, clock: ClockTarget): Module {
  const { cPar, kPar } = config;
  const { wordBytes, bankWords } = engineShape(config);
  const slices = wordBytes / kPar;
  const b = new ModuleBuilder("fxa_activations", [
    `Activation memory: ${ACTIVATION_BANKS} banks of ${bankWords} words of ${wordBytes} bytes.`,
    `Fetches take ${ACTIVATION_LATENCY} cycles, store reads ${STORE_LATENCY}.`,
  ]);
  b.clock("aclk");
  const kit = new Kit(b, clock, b.input("aresetn", 1, "synchronous reset, active low"));
  const fetch = b.input("fetch", 1, "a fetch is there");
  const fetchBank = b.input("fetch_bank", 2, "bank of row 0");
  const fetchAddress = b.input("fetch_address", ADDRESS_BITS, "address of row 0 in its bank");
  const fetchRowWords = b.input("fetch_row_words", ADDRESS_BITS, "from a block of four rows to the next");
  const four = b.input("fetch_four", 1, "four rows, else row 0 alone");
  const rowsInside = b.input("fetch_rows_inside", 4, "rows inside the source; others are padding");
  const fetchSlice = b.input("fetch_slice", SLICE_BITS, "slice of the word");
  const windowed = b.input("fetch_windowed", 1, "a column of slices, else a slice of row 0's word");
  const padding = b.input("padding", 8);
  const tagIn = b.input("tag_in", tagBitsOf(config));
  const storeRead = b.input("store_read", 1, "a store's read, never together with a fetch");
  const storeBank = b.input("store_bank", 2);
  const storeAddress = b.input("store_address", ADDRESS_BITS);

  // Request: which banks read what.
  const rows = split(rowsInside, 1);
  const wanted = rows.map((row, r) => (r === 0 ? row : kit.and(`wanted_${r}`, row, four)));
  const [low, high] = split(fetchBank, 1) as [Signal, Signal];
  // Bank b lies before row 0's bank, so its row is one of the next block.
  const isBefore = [kit.or("before_0", low, high), high, kit.and("before_2", low, high), undefined];
  const wrapped = kit.add("wrapped_address", fetchAddress, fetchRowWords);
  const bankOfRow0 = kit.mux("bank", storeRead, storeBank, fetchBank);
  const columnFetch = kit.and("column_fetch", fetch, windowed);
  const wordFetch = kit.and("word_fetch", fetch, kit.not("not_windowed", windowed));
  const addressBits = counterWidth(bankWords - 1);
  const requests = banks.map((bank) => {
    const inside = kit.select(
      `inside_${bank}`,
      fetchBank,
      banks.map((first) => wanted[(bank - first + ACTIVATION_BANKS) % ACTIVATION_BANKS]!),
    );
    const stored = kit.and(`stored_${bank}`, storeRead, kit.equal(`is_store_bank_${bank}`, storeBank, bank));
    const fetched = kit.and(`fetched_${bank}`, fetch, inside);
    const read = kit.or(`read_${bank}`, stored, fetched);
    const before = isBefore[bank];
    const address = kit.mux(
      `address_${bank}`,
      storeRead,
      storeAddress,
      before === undefined ? fetchAddress : kit.mux(`row_address_${bank}`, before, wrapped, fetchAddress),
    );
    const enable = kit.delayControl(`request_read_${bank}`, read, 1);
    const requested = b.register(`request_address_${bank}`, sliceOf(address, 0, addressBits), {
      enable: read,
      role: "control",
    });
    const intoColumn = kit.delayControl(
      `into_column_${bank}`,
      kit.and(`column_read_${bank}`, fetched, windowed),
      2,
    );
    return { enable, address: requested, intoColumn };
  });
  const wholeWord = kit.not("part_of_word", columnFetch);
  const sliceReads = Array.from({ length: slices }, (_, s) =>
    kit.delay(
      `request_slice_${s}`,
      kit.or(`slice_read_${s}`, wholeWord, kit.equal(`is_slice_${s}`, fetchSlice, s)),
      1,
      "control",
    ),
  );
  const bankAt = stagesOf(kit, "bank", bankOfRow0);
  const insideAt = stagesOf(kit, "inside", concat(wanted));
  const sliceAt = stagesOf(kit, "slice", fetchSlice);
  const paddingAt = stagesOf(kit, "padding", padding);
  const intoWord = kit.delayControl("into_word", kit.or("word_read", storeRead, wordFetch), 2);

  // Memory
  const writer = writers(b, kit, config);
  const words = requests.map((request, bank) => {
    const written = kit.and(
      `write_${bank}`,
      writer.write,
      kit.equal(`is_write_bank_${bank}`, writer.bank, bank),
    );
    return concat(
      sliceReads.map((sliceRead, s) => {
        const readData = b.net(`data_${bank}_${s}`, 8 * kPar);
        b.add({
          kind: "ram",
          name: `bank_${bank}_${s}`,
          depth: bankWords,
          writeEnable: slices === 1 ? written : kit.and(`write_${bank}_${s}`, written, writer.slices[s]!),
          writeAddress: sliceOf(writer.address, 0, addressBits),
          writeData: sliceOf(writer.data, s * 8 * kPar, 8 * kPar),
          readEnable: slices === 1 ? request.enable : kit.and(`read_${bank}_${s}`, request.enable, sliceRead),
          readAddress: request.address,
          readData,
        });
        return b.signal(readData);
      }),
    );
  });

  // Choice of the bank of a whole word; of slices, as far as the levels behind a memory allow.
  const bankWord = b.register("bank_word", kit.select("bank_choice", bankAt.at2, words), {
    enable: intoWord,
    role: "datapath",
  });
  const group = Math.min(slices, 2 ** LEVELS_AFTER_MEMORY);
  const groupBits = Math.log2(group);
  const bankSlices = words.map((word, bank) =>
    b.register(
      `bank_slices_${bank}`,
      concat(
        split(word, group * 8 * kPar).map((part, i) =>
          choose(kit, `slice_choice_${bank}_${i}`, sliceAt.at2, 0, split(part, 8 * kPar)),
        ),
      ),
      { enable: requests[bank]!.intoColumn, role: "datapath" },
    ),
  );

  // Output
  const rowInside = split(insideAt.at3, 1);
  const wordSlice = choose(kit, "word_slice", sliceAt.at3, 0, split(bankWord, 8 * cPar));
  const word = kit.mux("padded_word", rowInside[0]!, wordSlice, replicate(paddingAt.at3, cPar));
  b.output(
    "word",
    b.register("word_q", word, { enable: kit.delayControl("word_fetch", wordFetch, 3), role: "datapath" }),
  );
  const chosen = bankSlices.map((parts, bank) =>
    choose(kit, `group_choice_${bank}`, sliceAt.at3, groupBits, split(parts, 8 * kPar)),
  );
  const column = rowInside.map((inside, r) => {
    const rotated = banks.map((first) => chosen[(first + r) % ACTIVATION_BANKS]!);
    return kit.mux(
      `padded_row_${r}`,
      inside,
      kit.select(`row_${r}`, bankAt.at3, rotated),
      replicate(paddingAt.at3, kPar),
    );
  });
  b.output(
    "column",
    b.register("column_q", concat(column), {
      enable: kit.delayControl("column_fetch", columnFetch, 3),
      role: "datapath",
    }),
    "row r at bits r * 8 * lanes and up",
  );
  b.output("tag_out", kit.delayControl("tag", tagIn, ACTIVATION_LATENCY));
  b.output("store_data", bankWord);
  b.output("store_valid", kit.delayControl("store", storeRead, STORE_LATENCY));
  return b.build();
}

/** Choose the writer of a cycle; the ports are declared here. */
function writers(b: ModuleBuilder, kit: Kit, { kPar, cPar }: EngineConfig) {
  const wordBytes = Math.max(cPar, kPar);
  const slices = wordBytes / kPar;
  const drain = b.input("drain_write", 1, "always taken");
  const drainBank = b.input("drain_bank", 2);
  const drainAddress = b.input("drain_address", ADDRESS_BITS);
  const drainSlice = b.input("drain_slice", SLICE_BITS, "slice of the word");
  const drainData = b.input("drain_data", 8 * kPar);
  const port = (name: string) => ({
    valid: b.input(`${name}_valid`, 1),
    bank: b.input(`${name}_bank`, 2),
    address: b.input(`${name}_address`, ADDRESS_BITS),
    data: b.input(`${name}_data`, 8 * wordBytes),
  });
  const load = port("load");
  const stream = port("stream");
  const loadReady = kit.not("no_drain", drain);
  b.output("load_ready", loadReady);
  b.output("stream_ready", kit.and("no_writer", loadReady, kit.not("no_load", load.valid)));
  const pick = (name: string, drained: Signal, loaded: Signal, streamed: Signal): Signal =>
    kit.first(
      name,
      [
        [drain, drained],
        [load.valid, loaded],
      ],
      streamed,
    );
  return {
    write: kit.or("write", drain, load.valid, stream.valid),
    bank: pick("write_bank", drainBank, load.bank, stream.bank),
    address: pick("write_address", drainAddress, load.address, stream.address),
    data: pick("write_data", replicate(drainData, slices), load.data, stream.data),
    slices: Array.from({ length: slices }, (_, s) =>
      kit.or(`write_slice_${s}`, loadReady, kit.equal(`is_drain_slice_${s}`, drainSlice, s)),
    ),
  };
}
