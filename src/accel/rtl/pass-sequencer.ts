import type { ClockTarget } from "../../arith/index.js";
import { concat, literal, type Module, ModuleBuilder, type Signal, sliceOf } from "../../hw/index.js";
import { ADDRESS_BITS, type EngineConfig, engineShape } from "../config.js";
import { type Field, layerFields } from "../isa/index.js";
import { fieldOf, Kit, signExtend, zeroExtend } from "./kit.js";
import { packRecord } from "./record.js";

/** Bits of a source coordinate, two's complement. */
export const COORDINATE_BITS = 14;

/** What the walker needs of a pass, and what the drain needs of its stripe; names and widths, lowest bits first. */
export const passFields = {
  /** Bank address of row 0 of the pass's first fetch, and that row's bank. */
  address: ADDRESS_BITS,
  bank: 2,
  y: COORDINATE_BITS,
  x: COORDINATE_BITS,
  /** Output rows and columns of the stripe. */
  rows: 9,
  columns: 9,
  /** Fetches before the first output of a row. */
  prefill: 2,
  /** Slice of the word: cPar bytes (channels), or kPar bytes (windowed). */
  slice: 4,
  /** The stripe's first and last pass. */
  opens: 1,
  closes: 1,
  /** Old sums are multiplied by 256. */
  scale: 1,
  /** Where the stripe's results go. */
  targetAddress: ADDRESS_BITS,
  targetBank: 2,
  targetSlice: 4,
  /** The stripe is its group's, and the layer's, last. */
  groupLast: 1,
  layerLast: 1,
} as const;

/** Steps between two passes: counters, then what restarts, then the sums of the pass's address. */
const states = { idle: 0, present: 1, count: 2, restart: 3, add: 4, finish: 5 } as const;

/**
 * Build `fxa_pass_sequencer`: goes through the passes of a layer, a few cycles each, ahead of the walker, which streams the pixels of one pass.
 *
 * Ports: `start` with `layer` begins a layer (the source bases already moved to the input's slot: `base_a`, `base_b`); `pass_valid`, `pass_ready`,
 * `pass` hand out passes; nothing is valid between a layer's last pass and the next `start`.
 */
export function buildPassSequencer(config: EngineConfig, clock: ClockTarget): Module {
  const { cPar, kPar } = config;
  const { wordBytes } = engineShape(config);
  const b = new ModuleBuilder("fxa_pass_sequencer", [
    "Passes of a layer, one after the other, a few cycles each.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1);
  const kit = new Kit(b, clock, resetN);
  const start = b.input("start", 1, "begin the layer");
  const layer = b.input("layer", 1024, "its descriptor; stable until the last pass is taken");
  const bases = [b.input("base_a", ADDRESS_BITS), b.input("base_b", ADDRESS_BITS)] as const;
  const ready = b.input("pass_ready", 1);
  const of = (field: Field): Signal => fieldOf(layer, field);
  const f = layerFields;

  const state = kit.state("state", 3, 0, "0 idle, 1 present, 2 count, 3 restart, 4 add, 5 finish");
  const at = (name: keyof typeof states): Signal => kit.equal(`at_${name}`, state.q, states[name]);
  const [presents, counts, restarts, adds, finishes] = [
    at("present"),
    at("count"),
    at("restart"),
    at("add"),
    at("finish"),
  ];
  const taken = kit.and("taken", presents, ready);

  // Loop counters, innermost first. A flag says that a counter is at its last value; flags are registered in `add`, when counters are at rest.
  const loops = [
    ["channel", f.channelPasses],
    ["column", f.columnPasses],
    ["row", f.rowPasses],
    ["plane", f.planes],
    ["column_stripe", f.columnStripes],
    ["row_stripe", f.rowStripes],
    ["group", f.groups],
  ] as const;
  type LoopName = (typeof loops)[number][0];
  const counters = {} as Record<LoopName, Signal>;
  const lasts = {} as Record<LoopName, Signal>;
  const firsts = {} as Record<LoopName, Signal>;
  /** The loop goes on or begins anew: all inner loops are at their last value. */
  const moves = {} as Record<LoopName, Signal>;
  let inner: Signal = counts;
  for (const [name, field] of loops) {
    const counter = kit.state(`${name}_count`, field.width);
    const last = kit.state(`${name}_last`, 1);
    const first = kit.state(`${name}_first`, 1);
    const bound = kit.subtract(`${name}_bound`, of(field), literal(1, field.width));
    const registeredBound = b.register(`${name}_bound_held`, bound, { enable: restarts, role: "control" });
    last.set(kit.equal(`${name}_at_last`, counter.q, registeredBound), adds);
    first.set(kit.equal(`${name}_at_first`, counter.q, 0), adds);
    moves[name] = inner;
    const next = kit.mux(
      `${name}_count_next`,
      last.q,
      literal(0, field.width),
      kit.add(`${name}_count_plus_1`, counter.q, literal(1, field.width)),
    );
    counter.set(
      kit.mux(`${name}_count_or_0`, start, literal(0, field.width), next),
      kit.or(`${name}_count_moves`, start, inner),
    );
    inner = kit.and(`${name}_wraps`, inner, last.q);
    counters[name] = counter.q;
    lasts[name] = last.q;
    firsts[name] = first.q;
  }
  // Which loops began anew, or went on, in `count`: in `restart` positions inside them follow.
  const moved = (name: LoopName): Signal => b.register(`${name}_moved`, moves[name], { role: "control" });
  const began = b.register("began", start, { role: "control", resetN });
  const afresh = (name: LoopName): Signal => {
    const outer = loops[loops.findIndex(([loop]) => loop === name) + 1];
    return outer === undefined ? began : kit.or(`${name}_afresh`, began, moved(outer[0]));
  };

  /** A position that moves by `step` with its loop, and goes back to `origin` when the loop begins anew. */
  const position = (
    name: string,
    width: number,
    how: { readonly loop: LoopName; readonly step: Signal; readonly origin: Signal; readonly again: Signal },
  ): Signal => {
    const held = kit.data(name, width, "control");
    const stepped = kit.add(`${name}_stepped`, held.q, how.step);
    held.set(
      kit.mux(`${name}_next`, how.again, how.origin, stepped),
      kit.or(`${name}_moves`, how.again, kit.and(`${name}_steps`, moved(how.loop), restarts)),
    );
    return held.q;
  };
  /** Rows: a bank, an offset in words and a coordinate, which move together. */
  const rows = (
    name: string,
    how: {
      readonly loop: LoopName;
      readonly again: Signal;
      readonly origin: { readonly bank: Signal; readonly words: Signal; readonly y: Signal };
      readonly step: { readonly rows: Signal; readonly words: Signal; readonly rowWords: Signal };
    },
  ): { readonly bank: Signal; readonly words: Signal; readonly y: Signal } => {
    const bank = kit.data(`${name}_bank`, 2, "control");
    // Banks are at rest for cycles before they move: the sum of the two low bits and its carry are registered.
    const sum = b.register(
      `${name}_bank_sum_held`,
      kit.add(`${name}_bank_sum`, zeroExtend(bank.q, 3), sliceOf(how.step.rows, 0, 2)),
      { role: "control" },
    );
    const enable = kit.or(
      `${name}_bank_moves`,
      how.again,
      kit.and(`${name}_bank_steps`, moved(how.loop), restarts),
    );
    bank.set(kit.mux(`${name}_bank_next`, how.again, how.origin.bank, sliceOf(sum, 0, 2)), enable);
    const carried = kit.add(`${name}_words_carried`, how.step.words, how.step.rowWords);
    const carriedHeld = b.register(`${name}_words_carried_held`, carried, { role: "control" });
    const step = kit.mux(`${name}_words_step`, sliceOf(sum, 2, 1), carriedHeld, how.step.words);
    const { loop, again, origin } = how;
    const words = position(`${name}_words`, ADDRESS_BITS, { loop, again, origin: origin.words, step });
    const y = position(`${name}_y`, COORDINATE_BITS, {
      loop,
      again,
      origin: origin.y,
      step: zeroExtend(how.step.rows, COORDINATE_BITS),
    });
    return { bank: bank.q, words, y };
  };
  const none = literal(0, ADDRESS_BITS);
  const noRow = literal(0, COORDINATE_BITS);
  const atRestart = (name: string, signal: Signal): Signal => kit.and(`${name}_restarts`, signal, restarts);

  // Stripes: where they begin in the source, and in the target.
  const stripeRowAgain = atRestart("stripe_row", afresh("row_stripe"));
  const originY = of(f.originY);
  const stripeRow = rows("stripe_row", {
    loop: "row_stripe",
    again: stripeRowAgain,
    origin: { bank: sliceOf(originY, 0, 2), words: none, y: originY },
    step: { rows: of(f.stripeSourceRows), words: of(f.stripeSourceRowWords), rowWords: of(f.rowWords) },
  });
  const stripeColumnAgain = atRestart("stripe_column", afresh("column_stripe"));
  const stripeX = position("stripe_x", COORDINATE_BITS, {
    loop: "column_stripe",
    again: stripeColumnAgain,
    origin: of(f.originX),
    step: zeroExtend(of(f.stripeSourceColumns), COORDINATE_BITS),
  });
  const stripeColumnWords = position("stripe_column_words", ADDRESS_BITS, {
    loop: "column_stripe",
    again: stripeColumnAgain,
    origin: none,
    step: of(f.stripeSourceColumnWords),
  });
  const targetRow = rows("target_row", {
    loop: "row_stripe",
    again: stripeRowAgain,
    origin: { bank: of(f.targetBank), words: none, y: noRow },
    step: {
      rows: of(f.stripeRows),
      words: of(f.stripeTargetRowWords),
      rowWords: of(f.targetRowWords),
    },
  });
  const targetColumnWords = position("target_column_words", ADDRESS_BITS, {
    loop: "column_stripe",
    again: stripeColumnAgain,
    origin: none,
    step: of(f.stripeTargetColumnWords),
  });

  // Kernel rows and columns begin anew from their stripe's place one cycle after it is known: in `add`.
  const kernelRowAgain = kit.and(
    "kernel_row_restarts",
    b.register("row_afresh_held", afresh("row"), { role: "control" }),
    adds,
  );
  const four = of(f.fourRows);
  const kernelRow = rows("kernel_row", {
    loop: "row",
    again: kernelRowAgain,
    origin: stripeRow,
    step: {
      rows: concat([kit.not("one_row", four), literal(0, 1), four]),
      words: kit.and("four_row_words", of(f.rowWords), concat(Array.from({ length: 16 }, () => four))),
      rowWords: of(f.rowWords),
    },
  });
  const kernelColumnAgain = kit.and(
    "kernel_column_restarts",
    b.register("column_afresh_held", afresh("column"), { role: "control" }),
    adds,
  );
  const kernelX = position("kernel_x", COORDINATE_BITS, {
    loop: "column",
    again: kernelColumnAgain,
    origin: stripeX,
    step: zeroExtend(of(f.columns), COORDINATE_BITS),
  });
  const kernelColumnWords = position("kernel_column_words", ADDRESS_BITS, {
    loop: "column",
    again: kernelColumnAgain,
    origin: stripeColumnWords,
    step: of(f.kernelColumnWords),
  });

  // Channels: a slice of a word, and the word. Windowed layers take the group's.
  const slices = (loop: LoopName, count: number): { readonly slice: Signal; readonly word: Signal } => {
    const bits = Math.log2(count);
    const counter = zeroExtend(counters[loop], 12);
    return {
      slice: zeroExtend(bits === 0 ? literal(0, 1) : sliceOf(counter, 0, bits), 4),
      word: zeroExtend(sliceOf(counter, bits, 12 - bits), ADDRESS_BITS),
    };
  };
  const channel = slices("channel", wordBytes / cPar);
  const group = slices("group", wordBytes / kPar);
  const windowed = of(f.windowed);
  const word = kit.mux("source_word", windowed, group.word, channel.word);
  const slice = kit.mux("source_slice", windowed, group.slice, channel.slice);

  // Two cycles of sums, then the pass stands.
  const bitOf = (name: string, bits: Signal): Signal =>
    kit.select(
      name,
      sliceOf(counters.plane, 0, 3),
      Array.from({ length: 8 }, (_, i) => sliceOf(bits, i, 1)),
    );
  const base = kit.mux("base", bitOf("plane_source", of(f.planeSource)), bases[1], bases[0]);
  const held = (name: string, d: Signal): Signal => b.register(name, d, { role: "control" });
  const wordAddress = held("word_address", kit.add("base_and_word", base, word));
  const place = held("place", kit.add("row_and_column", kernelRow.words, kernelColumnWords));
  const address = held("address", kit.add("address_next", wordAddress, place));
  const targetWord = held("target_word", kit.add("target_base_and_word", of(f.targetStart), group.word));
  const targetPlace = held(
    "target_place",
    kit.add("target_row_and_column", targetRow.words, targetColumnWords),
  );
  const targetAddress = held("target_address", kit.add("target_address_next", targetWord, targetPlace));

  const all = (name: string, flags: Record<LoopName, Signal>, upTo: LoopName): Signal =>
    kit.and(
      name,
      ...loops.slice(0, loops.findIndex(([loop]) => loop === upTo) + 1).map(([loop]) => flags[loop]),
    );
  const opens = all("opens", firsts, "plane");
  const closes = all("closes", lasts, "plane");
  const groupLast = kit.and("group_last", lasts.column_stripe, lasts.row_stripe);
  const layerLast = kit.and("layer_last", groupLast, lasts.group);
  const firstOfPlane = kit.and("first_of_plane", firsts.channel, firsts.column, firsts.row);
  const scale = kit.and("scale", firstOfPlane, bitOf("plane_scale", of(f.planeScale)));
  const columnsHere = kit.mux("columns_here", lasts.column, of(f.lastColumns), of(f.columns));
  const prefill = sliceOf(kit.subtract("prefill", columnsHere, literal(1, 3)), 0, 2);
  const pass = held(
    "pass_held",
    packRecord(passFields, {
      address: sliceOf(address, 0, ADDRESS_BITS),
      bank: kernelRow.bank,
      y: signExtend(kernelRow.y, COORDINATE_BITS),
      x: kernelX,
      rows: kit.mux("rows_here", lasts.row_stripe, of(f.lastStripeRows), of(f.stripeRows)),
      columns: kit.mux(
        "stripe_columns_here",
        lasts.column_stripe,
        of(f.lastStripeColumns),
        of(f.stripeColumns),
      ),
      prefill,
      slice,
      opens,
      closes,
      scale,
      targetAddress,
      targetBank: targetRow.bank,
      targetSlice: group.slice,
      groupLast,
      layerLast,
    }),
  );

  // idle → restart → add → finish (three cycles of sums) → present → count → restart …
  const settle = kit.state("settle", 2, 0, "cycles that the sums still need");
  const settled = kit.equal("settled", settle.q, 0);
  settle.set(
    kit.mux("settle_next", adds, literal(2, 2), kit.subtract("settle_less", settle.q, literal(1, 2))),
    kit.or("settle_moves", adds, finishes),
  );
  const to = (name: keyof typeof states): Signal => literal(states[name], 3);
  state.set(
    kit.first(
      "state_next",
      [
        [start, to("restart")],
        [taken, to("count")],
        [counts, kit.mux("after_count", inner, to("idle"), to("restart"))],
        [restarts, to("add")],
        [adds, to("finish")],
        [kit.and("finishing", finishes, settled), to("present")],
      ],
      state.q,
    ),
  );
  b.output("pass_valid", presents);
  b.output("pass", pass);
  return b.build();
}
