import type { ClockTarget } from "../../arith/index.js";
import { literal, type Module, ModuleBuilder, type Signal, signalWidth, sliceOf } from "../../hw/index.js";
import { ADDRESS_BITS, type EngineConfig, engineShape } from "../config.js";
import { type Field, layerFields } from "../isa/index.js";
import { ACCUMULATE_LATENCY } from "./accumulators.js";
import { fieldOf, Kit, signExtend, zeroExtend } from "./kit.js";
import { COORDINATE_BITS, passFields } from "./pass-sequencer.js";
import { packRecord, recordBits, unpackRecord } from "./record.js";
import { packTag, rowBitsOf } from "./tag.js";

/** Cycles from the issue of a fetch, in which stores must not read, to the fetch at the activation memory. */
export const ISSUE_LATENCY = 2;

/** A stripe of fewer rows and columns than this is small: no other has fewer than {@link ACCUMULATE_LATENCY} outputs. */
const SMALL_SIDE = ACCUMULATE_LATENCY;
/** Cycles between the last fetch of a pass and the start of the same small stripe's next one; a start comes a cycle before the first fetch. */
export const SMALL_STRIPE_CYCLES = ACCUMULATE_LATENCY - 2;

/** Tell whether the passes of a stripe of so many outputs keep their distance. */
export const isSmallStripe = (rows: number, columns: number): boolean =>
  rows < SMALL_SIDE && columns < SMALL_SIDE;

/** A stripe as the drain gets it, lowest bits first. */
export const jobFields = {
  bank: 1,
  rows: 9,
  columns: 9,
  targetAddress: ADDRESS_BITS,
  targetBank: 2,
  wordSlice: 4,
  groupLast: 1,
  layerLast: 1,
} as const;

/**
 * Build `fxa_walker`: takes layers from the dispatcher, streams the pixels of one pass after the other past the array, and hands stripes to the drain.
 *
 * A pass begins when its weights are in the shadow registers and, if it opens a stripe, a bank of sums is free; if both hold in the cycle of
 * the last fetch of the pass before, no cycle is lost. In a cycle with `pause` nothing is fetched.
 *
 * Old sums can be read {@link ACCUMULATE_LATENCY} cycles after the tag of the pass before. In a stripe of fewer outputs the next pass would come sooner, so it
 * keeps {@link SMALL_STRIPE_CYCLES}.
 */
export function buildWalker(config: EngineConfig, clock: ClockTarget): Module {
  const { slotWords } = engineShape(config);
  const b = new ModuleBuilder("fxa_walker", ["Streams the pixels of a layer past the array, pass by pass."]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1);
  const kit = new Kit(b, clock, resetN);
  const offered = b.input("layer_valid", 1, "the dispatcher offers a layer");
  const descriptor = b.input("layer", 1024);
  const slotFull = b.input("input_slot_full", 1, "a frame waits in the stream input's slot");
  const slot = b.input("input_slot", 1, "which slot");
  const pause = b.input("pause", 1, "a store reads: no fetch in this cycle");
  const weightsReady = b.input("weights_ready", 1);
  const bankFree = b.input("bank_free", 1, "pulse: the drain has read a stripe's sums");
  const drained = b.input("layer_drained", 1, "pulse: the layer's last word is written");
  const f = layerFields;

  // idle → wait (for the input's frame) → begin (bases) → run → idle
  const states = { idle: 0, wait: 1, begin: 2, run: 3 } as const;
  const state = kit.state("state", 2, 0, "0 idle, 1 wait for a frame, 2 begin, 3 run");
  const at = (name: keyof typeof states): Signal => kit.equal(`at_${name}`, state.q, states[name]);
  const [idle, waits, begins, runs] = [at("idle"), at("wait"), at("begin"), at("run")];
  const accept = kit.and("accept", idle, offered);
  const layer = b.register("layer_held", descriptor, { enable: accept, role: "control" });
  const of = (field: Field): Signal => fieldOf(layer, field);
  const frameThere = kit.or("frame_there", kit.not("no_wait", of(f.waitInput)), slotFull);
  const proceed = kit.and("proceed", waits, frameThere);
  const done = kit.and("done", runs, drained);
  state.set(
    kit.first(
      "state_next",
      [
        [accept, literal(states.wait, 2)],
        [proceed, literal(states.begin, 2)],
        [begins, literal(states.run, 2)],
        [done, literal(states.idle, 2)],
      ],
      state.q,
    ),
  );
  const base = (name: string, start: Field, inInput: Field): Signal => {
    const moved = kit.and(`${name}_in_slot_1`, of(inInput), slot);
    const shifted = kit.add(`${name}_shifted`, of(start), literal(slotWords, ADDRESS_BITS));
    return b.register(name, kit.mux(`${name}_next`, moved, shifted, of(start)), {
      enable: proceed,
      role: "control",
    });
  };
  const bases = [
    base("base_a", f.sourceAStart, f.sourceAInput),
    base("base_b", f.sourceBStart, f.sourceBInput),
  ];

  const passValid = b.net("pass_valid", 1);
  const passNet = b.net("pass", recordBits(passFields));
  const claim = b.net("claim_now", 1);
  b.add({
    kind: "instance",
    name: "u_passes",
    module: "fxa_pass_sequencer",
    inputs: [
      { port: "aresetn", signal: resetN },
      { port: "start", signal: begins },
      { port: "layer", signal: layer },
      { port: "base_a", signal: bases[0]! },
      { port: "base_b", signal: bases[1]! },
      { port: "pass_ready", signal: b.signal(claim) },
    ],
    outputs: [
      { port: "pass_valid", net: passValid },
      { port: "pass", net: passNet },
    ],
  });
  const next = unpackRecord(passFields, b.signal(passNet));

  // Banks of sums: two, taken stripe by stripe.
  const free = kit.state("banks_free", 2, 2, "banks of sums that no stripe has");
  const someFree = kit.or("some_free", sliceOf(free.q, 0, 1), sliceOf(free.q, 1, 1));
  const bank = kit.state("bank", 1, 1, "bank of the stripe at work");
  const mayOpen = kit.or("may_open", kit.not("goes_on", next.opens), someFree);
  const startable = kit.and("startable", b.signal(passValid), weightsReady, mayOpen);

  // The pass at work. `active`: a fetch is to be made.
  const active = kit.state("active", 1);
  const issue = kit.and("issue", active.q, kit.not("no_pause", pause));
  const untilEmit = kit.data("until_emit", 4, "control", "fetches before the next output");
  const emits = kit.equal("emits", untilEmit.q, 0);
  const columnsLeft = kit.data("columns_left", 9, "control", "outputs left in the row, this one included");
  const rowsLeft = kit.data("rows_left", 9, "control");
  const endsRow = kit.and("ends_row", emits, kit.equal("last_column", columnsLeft.q, 1));
  const endsPass = kit.and("ends_pass", endsRow, kit.equal("last_row", rowsLeft.q, 1));
  const issued = (name: string, when: Signal): Signal => kit.and(name, issue, when);
  const rowEnd = issued("row_end", endsRow);
  const passEnd = issued("pass_end", endsPass);
  const { opens } = next;
  const isSmall = kit.and(
    "next_is_small",
    ...[next.rows, next.columns].map((side, i) => {
      const low = Math.log2(SMALL_SIDE);
      return kit.equal(`next_is_small_${i}`, sliceOf(side, low, signalWidth(side) - low), 0);
    }),
  );
  const small = b.register("small", isSmall, { enable: b.signal(claim), role: "control" });
  const smallEnd = kit.and("small_end", passEnd, small);
  const distance = kit.state("distance", 2, 0, "cycles for which the next pass of a small stripe waits");
  const near = kit.or("near", sliceOf(distance.q, 0, 1), sliceOf(distance.q, 1, 1));
  distance.set(
    kit.mux(
      "distance_next",
      smallEnd,
      literal(SMALL_STRIPE_CYCLES, 2),
      kit.subtract("distance_less", distance.q, literal(1, 2)),
    ),
    kit.or("distance_moves", smallEnd, near),
  );
  const room = kit.or(
    "room",
    kit.and("room_idle", kit.not("inactive", active.q), kit.or("far", opens, kit.not("not_near", near))),
    kit.and("room_at_once", passEnd, kit.or("at_once", opens, kit.not("not_small", small))),
  );
  const start = kit.and("start", startable, room);
  b.add({ kind: "assign", name: "claims", a: start, y: claim });
  active.set(kit.or("active_next", start, kit.and("stays", active.q, kit.not("not_ended", passEnd))));
  const opening = kit.and("opening", start, next.opens);
  bank.set(kit.not("bank_next", bank.q), opening);
  free.set(
    kit.mux(
      "free_next",
      opening,
      kit.subtract("free_less", free.q, literal(1, 2)),
      kit.add("free_more", free.q, literal(1, 2)),
    ),
    b.logic("xor", "free_moves", [opening, bankFree]),
  );
  const pass = unpackRecord(
    passFields,
    b.register("pass_held", b.signal(passNet), { enable: start, role: "control" }),
  );

  const emitGap = b.register("emit_gap", kit.subtract("emit_gap_next", of(f.emitEvery), literal(1, 4)), {
    role: "control",
  });
  const load = (name: string, cases: readonly (readonly [Signal, Signal])[], otherwise: Signal): Signal =>
    kit.first(name, [[start, cases[0]![1]], ...cases.slice(1)], otherwise);
  const moves = kit.or("moves", start, issue);
  untilEmit.set(
    load(
      "until_emit_next",
      [
        [start, zeroExtend(next.prefill, 4)],
        [endsRow, zeroExtend(pass.prefill, 4)],
        [emits, emitGap],
      ],
      kit.subtract("until_emit_less", untilEmit.q, literal(1, 4)),
    ),
    moves,
  );
  columnsLeft.set(
    load(
      "columns_left_next",
      [
        [start, next.columns],
        [endsRow, pass.columns],
      ],
      kit.subtract("columns_left_less", columnsLeft.q, literal(1, 9)),
    ),
    kit.or("columns_move", start, issued("emitted", emits)),
  );
  rowsLeft.set(
    load("rows_left_next", [[start, next.rows]], kit.subtract("rows_left_less", rowsLeft.q, literal(1, 9))),
    kit.or("rows_move", start, rowEnd),
  );

  // Addresses and coordinates of the fetch.
  const strideCarried = b.register(
    "stride_carried",
    kit.add("stride_carried_next", of(f.strideRowWords), of(f.rowWords)),
    { role: "control" },
  );
  const rowBank = kit.data("row_bank", 2, "control", "bank of row 0");
  const bankSum = kit.add("row_bank_sum", zeroExtend(rowBank.q, 3), sliceOf(of(f.strideRows), 0, 2));
  rowBank.set(
    load("row_bank_next", [[start, next.bank]], sliceOf(bankSum, 0, 2)),
    kit.or("row_bank_moves", start, rowEnd),
  );
  const rowAddress = kit.data("row_address", ADDRESS_BITS, "control", "of the row's first fetch");
  const nextRow = kit.mux(
    "row_address_stepped",
    sliceOf(bankSum, 2, 1),
    kit.add("row_address_carried", rowAddress.q, strideCarried),
    kit.add("row_address_plain", rowAddress.q, of(f.strideRowWords)),
  );
  rowAddress.set(
    load("row_address_next", [[start, next.address]], nextRow),
    kit.or("row_address_moves", start, rowEnd),
  );
  const address = kit.data("address", ADDRESS_BITS, "control");
  address.set(
    load(
      "address_next",
      [
        [start, next.address],
        [endsRow, nextRow],
      ],
      kit.add("address_stepped", address.q, of(f.columnStepWords)),
    ),
    moves,
  );
  const x = kit.data("x", COORDINATE_BITS, "control", "source column");
  x.set(
    load(
      "x_next",
      [
        [start, next.x],
        [endsRow, pass.x],
      ],
      kit.add("x_stepped", x.q, zeroExtend(of(f.columnStep), COORDINATE_BITS)),
    ),
    moves,
  );
  const y = kit.data("y", COORDINATE_BITS, "control", "source row");
  y.set(
    load(
      "y_next",
      [[start, next.y]],
      kit.add("y_stepped", y.q, zeroExtend(of(f.strideRows), COORDINATE_BITS)),
    ),
    kit.or("y_moves", start, rowEnd),
  );
  const rowBits = rowBitsOf(config);
  const row = kit.data("sums_row", rowBits, "control", "row of sums of the next output");
  row.set(
    load(
      "sums_row_next",
      [[start, literal(0, rowBits)]],
      kit.add("sums_row_more", row.q, literal(1, rowBits)),
    ),
    kit.or("sums_row_moves", start, issued("emitted_row", emits)),
  );
  const fresh = kit.state("fresh", 1, 0, "the pass has made no fetch");
  fresh.set(start, moves);

  // Which of four rows lie inside the source: compared in two cycles on the way to the memory.
  const below = b.register(
    "below",
    kit.subtract("below_next", zeroExtend(of(f.height), COORDINATE_BITS), y.q),
    {
      role: "control",
      doc: "height − y",
    },
  );
  const right = b.register(
    "right",
    kit.subtract("right_next", x.q, zeroExtend(of(f.width), COORDINATE_BITS)),
    {
      role: "control",
      doc: "x − width",
    },
  );
  const yHeld = b.register("y_held", y.q, { role: "control" });
  const xSign = b.register("x_sign", sliceOf(x.q, COORDINATE_BITS - 1, 1), { role: "control" });
  const sign = (signal: Signal): Signal => sliceOf(signal, signalWidth(signal) - 1, 1);
  const columnInside = kit.and("column_inside", kit.not("x_positive", xSign), sign(right));
  const inside = Array.from({ length: 4 }, (_, r) => {
    // y + r ≥ 0 and height − y > r
    const above = sign(signExtend(kit.add(`y_${r}`, yHeld, literal(r, COORDINATE_BITS)), COORDINATE_BITS));
    const under = sign(kit.subtract(`below_${r}`, below, literal(r + 1, COORDINATE_BITS)));
    return kit.and(
      `row_${r}_inside`,
      columnInside,
      kit.not(`from_top_${r}`, above),
      kit.not(`to_bottom_${r}`, under),
    );
  });
  const fromLow = (bits: readonly Signal[]): Signal => bits.flat();

  const control = (name: string, signal: Signal): Signal => kit.delayControl(name, signal, ISSUE_LATENCY);
  const along = (name: string, signal: Signal): Signal => kit.delay(name, signal, ISSUE_LATENCY, "control");
  const fetch = control("fetch", issue);
  b.output("fetch", fetch);
  b.output("fetch_bank", along("fetch_bank_at", rowBank.q));
  b.output("fetch_address", along("fetch_address_at", address.q));
  b.output("fetch_rows_inside", b.register("rows_inside", fromLow(inside), { role: "control" }));
  b.output("fetch_slice", along("fetch_slice_at", pass.slice));
  b.output("fetch_row_words", of(f.rowWords));
  b.output("fetch_four", of(f.fourRows));
  b.output("fetch_windowed", of(f.windowed));
  b.output("padding", of(f.padding));
  const emitted = issued("emit", emits);
  b.output(
    "tag",
    packTag(
      {
        take: fetch,
        swap: control("tag_swap", issued("swap", fresh.q)),
        emit: control("tag_emit", emitted),
        begin: along("tag_begin", pass.opens),
        scale: along("tag_scale", pass.scale),
        maximum: of(f.maximum),
        bank: along("tag_bank", bank.q),
        last: control("tag_last", kit.and("last_emit", passEnd, pass.closes)),
        windowed: of(f.windowed),
        row: along("tag_row", row.q),
      },
      config,
    ),
  );
  b.output("claim", b.signal(claim), "the block in the shadow registers has a pass");
  b.output("swap_issued", issued("swap_issue", fresh.q), "the first fetch of a pass is issued");
  b.output("job_valid", kit.and("job_opens", start, next.closes), "the stripe's last pass begins");
  b.output(
    "job",
    packRecord(jobFields, {
      bank: kit.mux("job_bank", opening, kit.not("bank_opened", bank.q), bank.q),
      rows: next.rows,
      columns: next.columns,
      targetAddress: next.targetAddress,
      targetBank: next.targetBank,
      wordSlice: next.targetSlice,
      groupLast: next.groupLast,
      layerLast: next.layerLast,
    }),
  );
  b.output("target_row_words", of(f.targetRowWords));
  b.output("target_pixel_words", of(f.targetPixelWords));
  b.output("zero_point", of(f.zeroPoint));
  b.output("low", of(f.low));
  b.output("high", of(f.high));
  b.output("double_rounding", of(f.doubleRounding));
  b.output("ties_away", of(f.tiesAway));
  b.output("multiplier_passes", of(f.multiplierPasses));
  b.output("layer_ready", idle, "a layer that is offered is taken");
  b.output("layer_done", done, "pulse: the layer is complete");
  b.output("release_input", kit.and("releases", done, of(f.releaseInput)));
  const waiting = kit.and("waiting", runs, b.signal(passValid), kit.not("not_active", active.q));
  b.output("stall_weights", kit.and("stalls_weights", waiting, kit.not("weights_missing", weightsReady)));
  b.output("stall_drain", kit.and("stalls_drain", waiting, weightsReady, kit.not("banks_missing", mayOpen)));
  b.output("stall_input", kit.and("stalls_input", waits, kit.not("frame_missing", frameThere)));
  return b.build();
}
