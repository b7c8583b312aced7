import type { ClockTarget } from "../../arith/index.js";
import {
  concat,
  counterWidth,
  literal,
  type Module,
  ModuleBuilder,
  type Signal,
  signalWidth,
  sliceOf,
} from "../../hw/index.js";
import { ACCUMULATOR_BITS, ADDRESS_BITS, type EngineConfig } from "../config.js";
import { parameterFields } from "../isa/index.js";
import { PARAMETER_BITS } from "./feeder.js";
import { Kit, zeroExtend } from "./kit.js";
import { buildRequantizer } from "./requantizer.js";
import { rowBitsOf } from "./tag.js";
import { jobFields } from "./walker.js";

/** Cycles from a step of the drain to its values at the requantizers: the sums' memory, their register, and the choice of lanes if there is one. */
const readLatencyOf = ({ kPar, requantizers }: EngineConfig): number => (kPar === requantizers ? 2 : 3);

/** The drain with its requantizer. */
export type DrainUnit = {
  readonly modules: readonly Module[];
  /** Cycles from the read of a pixel's sums to the write of its bytes, less those that its lanes and chunks take beyond the first. */
  readonly latencyCycles: number;
};

type Job = { readonly [Name in keyof typeof jobFields]: Signal };

function unpackJob(signal: Signal): Job {
  let at = 0;
  return Object.fromEntries(
    Object.entries(jobFields).map(([name, width]) => {
      at += width;
      return [name, sliceOf(signal, at - width, width)];
    }),
  ) as Job;
}

/**
 * Build `fxa_drain`: takes stripes of sums through the requantizers to the activation memory, pixel by pixel. Requantizer r serves lanes r, r + R,
 * r + 2R …; a pixel takes kPar / R · `multiplier_passes` cycles, and stripes follow one another without a pause.
 */
export function buildDrain(config: EngineConfig, clock: ClockTarget): DrainUnit {
  const { kPar, requantizers, multiplierBits } = config;
  const rowBits = rowBitsOf(config);
  const rounds = kPar / requantizers;
  const chunks = 32 / multiplierBits;
  const laneBits = Math.log2(kPar);
  const requantizer = buildRequantizer(config, clock);
  const b = new ModuleBuilder("fxa_drain", [
    `${requantizers} requantizers of ${multiplierBits} bits a cycle between the sums of ${kPar} lanes and the activation memory.`,
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const jobBits = Object.values(jobFields).reduce<number>((sum, width) => sum + width, 0);
  const jobValid = b.input("job_valid", 1, "a stripe; there is always room");
  const jobIn = b.input("job", jobBits);
  const stripeDone = b.input("stripe_done", 1, "pulse: the sums of the next stripe are complete");
  const targetRowWords = b.input("target_row_words", ADDRESS_BITS);
  const targetPixelWords = b.input("target_pixel_words", 12);
  const zeroPoint = b.input("zero_point", 8);
  const low = b.input("low", 8);
  const high = b.input("high", 8);
  const doubleRounding = b.input("double_rounding", 1);
  const tiesAway = b.input("ties_away", 1);
  const multiplierPasses = b.input("multiplier_passes", 3);
  const parameterWrite = b.input("parameter_write", 1);
  const parameterBank = b.input("parameter_bank", 1);
  const parameterLane = b.input("parameter_lane", laneBits);
  const parameterData = b.input("parameter_data", PARAMETER_BITS);
  const sums = b.input("drain_sums", ACCUMULATOR_BITS * kPar, "one cycle after drain_read");

  // Two jobs wait at most: the older one in front.
  const front = kit.data("front", jobBits, "control", "the next stripe");
  const back = kit.data("back", jobBits, "control", "the one behind it");
  const waiting = kit.state("waiting", 2, 0, "stripes that wait");
  const complete = kit.state("complete", 2, 0, "stripes whose sums are complete, not begun");
  const start = b.net("start", 1, "a stripe begins");
  const count = (name: string, more: Signal, state: typeof waiting): void =>
    state.set(
      kit.mux(
        `${name}_next`,
        more,
        kit.add(`${name}_more`, state.q, literal(1, 2)),
        kit.subtract(`${name}_less`, state.q, literal(1, 2)),
      ),
      b.logic("xor", `${name}_moves`, [more, b.signal(start)]),
    );
  count("waiting", jobValid, waiting);
  count("complete", stripeDone, complete);
  const two = kit.equal("two_wait", waiting.q, 2);
  const none = kit.equal("none_waits", waiting.q, 0);
  const becomesFront = kit.or(
    "becomes_front",
    none,
    kit.and("one_leaves", b.signal(start), kit.not("not_two", two)),
  );
  front.set(
    kit.mux("front_next", kit.and("behind", two, b.signal(start)), back.q, jobIn),
    kit.or(
      "front_moves",
      kit.and("to_front", jobValid, becomesFront),
      kit.and("moves_up", two, b.signal(start)),
    ),
  );
  back.set(jobIn, jobValid);
  const someComplete = kit.or("some_complete", sliceOf(complete.q, 0, 1), sliceOf(complete.q, 1, 1));
  const next = unpackJob(front.q);

  // Steps: chunk, round of lanes, column, row; one a cycle.
  const active = kit.state("active", 1);
  const chunk = kit.state("chunk", 3, 0, "chunks of the multiplier still to come");
  const round = kit.state("round", counterWidth(rounds), 0, "lanes round · R and up");
  const columns = kit.data("columns_left", 9, "control");
  const rows = kit.data("rows_left", 9, "control");
  const lastChunk = kit.equal("last_chunk", chunk.q, 0);
  const lastRound = kit.equal("last_round", round.q, rounds - 1);
  const lastColumn = kit.equal("last_column", columns.q, 1);
  const lastRow = kit.equal("last_row", rows.q, 1);
  const pixelEnd = kit.and("pixel_end", active.q, lastChunk, lastRound);
  const rowEnd = kit.and("row_end", pixelEnd, lastColumn);
  const jobEnd = kit.and("job_end", rowEnd, lastRow);
  const room = kit.or("room", kit.not("inactive", active.q), jobEnd);
  b.add({
    kind: "and",
    name: "starts",
    operands: [kit.not("some_waits", none), someComplete, room],
    y: start,
  });
  const begins = b.signal(start);
  active.set(kit.or("active_next", begins, kit.and("goes_on", active.q, kit.not("not_ended", jobEnd))));
  const job = unpackJob(b.register("job_held", front.q, { enable: begins, role: "control" }));
  const firstChunk = b.register(
    "first_chunk_at",
    kit.subtract("passes_less_1", multiplierPasses, literal(1, 3)),
    {
      role: "control",
    },
  );
  const moves = kit.or("moves", begins, active.q);
  chunk.set(
    kit.mux(
      "chunk_next",
      kit.or("chunk_again", begins, lastChunk),
      firstChunk,
      kit.subtract("chunk_less", chunk.q, literal(1, 3)),
    ),
    moves,
  );
  const roundMoves = kit.or("round_moves", begins, kit.and("round_ends", active.q, lastChunk));
  const roundBits = signalWidth(round.q);
  round.set(
    rounds === 1
      ? literal(0, roundBits)
      : kit.mux(
          "round_next",
          kit.or("round_again", begins, lastRound),
          literal(0, roundBits),
          kit.add("round_more", round.q, literal(1, roundBits)),
        ),
    roundMoves,
  );
  columns.set(
    kit.first(
      "columns_next",
      [
        [begins, next.columns],
        [lastColumn, job.columns],
      ],
      kit.subtract("columns_less", columns.q, literal(1, 9)),
    ),
    kit.or("columns_move", begins, pixelEnd),
  );
  rows.set(
    kit.mux("rows_next", begins, next.rows, kit.subtract("rows_less", rows.q, literal(1, 9))),
    kit.or("rows_move", begins, rowEnd),
  );
  const sumsRow = kit.data("sums_row", rowBits, "control");
  sumsRow.set(
    kit.mux(
      "sums_row_next",
      begins,
      literal(0, rowBits),
      kit.add("sums_row_more", sumsRow.q, literal(1, rowBits)),
    ),
    kit.or("sums_row_moves", begins, pixelEnd),
  );
  const isFirstChunk = kit.equal("is_first_chunk", chunk.q, firstChunk);
  const pixelBegin = kit.and("pixel_begin", active.q, isFirstChunk, kit.equal("first_round", round.q, 0));

  // Where the pixel goes.
  const bank = kit.data("target_bank_at", 2, "control");
  bank.set(
    kit.mux("target_bank_next", begins, next.targetBank, kit.add("target_bank_more", bank.q, literal(1, 2))),
    kit.or("target_bank_moves", begins, rowEnd),
  );
  const rowAddress = kit.data("row_address", ADDRESS_BITS, "control");
  const wraps = kit.equal("last_bank", bank.q, 3);
  const nextRow = kit.mux(
    "next_row",
    wraps,
    kit.add("next_block", rowAddress.q, targetRowWords),
    rowAddress.q,
  );
  rowAddress.set(
    kit.mux("row_address_next", begins, next.targetAddress, nextRow),
    kit.or("row_address_moves", begins, rowEnd),
  );
  const address = kit.data("address", ADDRESS_BITS, "control");
  address.set(
    kit.first(
      "address_next",
      [
        [begins, next.targetAddress],
        [lastColumn, nextRow],
      ],
      kit.add("next_pixel", address.q, zeroExtend(targetPixelWords, ADDRESS_BITS)),
    ),
    kit.or("address_moves", begins, pixelEnd),
  );

  // Sums: memory, register, the round's lanes.
  const held = b.register("sums_held", sums, {
    enable: kit.delayControl("sums_there", pixelBegin, 1),
    role: "datapath",
  });
  const at = readLatencyOf(config);
  const perRound = requantizers * ACCUMULATOR_BITS;
  const values =
    rounds === 1
      ? held
      : b.register(
          "values",
          kit.select(
            "lanes",
            kit.delay("round_then", round.q, 2, "control"),
            Array.from({ length: rounds }, (_, i) => sliceOf(held, i * perRound, perRound)),
          ),
          { enable: kit.delayControl("values_there", active.q, 2), role: "datapath" },
        );

  // Parameters: a memory for each requantizer, two banks of a group's.
  const parameterRow = (lane: Signal, bankBit: Signal): Signal =>
    concat([
      ...(rounds === 1 ? [] : [sliceOf(lane, laneBits - Math.log2(rounds), Math.log2(rounds))]),
      bankBit,
    ]);
  const writeRow = parameterRow(parameterLane, parameterBank);
  const readBank = kit.state("parameter_bank_at", 1);
  const groupEnds = kit.and("group_ends", jobEnd, job.groupLast);
  readBank.set(kit.not("parameter_bank_other", readBank.q), groupEnds);
  // Parameters come to their registers together with the values.
  const rowNow = rounds === 1 ? readBank.q : concat([sliceOf(round.q, 0, Math.log2(rounds)), readBank.q]);
  const readRow = kit.delay("parameter_row", rowNow, at - 2, "control");
  const reads = kit.delayControl("parameter_read", active.q, at - 2);
  const readBefore = kit.delayControl("parameter_there", reads, 1);
  const parameters = Array.from({ length: requantizers }, (_, r) => {
    const mine =
      requantizers === 1
        ? parameterWrite
        : kit.and(
            `parameter_write_${r}`,
            parameterWrite,
            kit.equal(`parameter_is_${r}`, sliceOf(parameterLane, 0, Math.log2(requantizers)), r),
          );
    const readData = b.net(`parameter_${r}`, PARAMETER_BITS);
    b.add({
      kind: "ram",
      name: `parameters_${r}`,
      depth: 2 * rounds,
      writeEnable: mine,
      writeAddress: writeRow,
      writeData: parameterData,
      readEnable: reads,
      readAddress: readRow,
      readData,
    });
    return b.register(`parameter_held_${r}`, b.signal(readData), { enable: readBefore, role: "datapath" });
  });

  // Requantizers.
  const valid = kit.delayControl("valid", active.q, at);
  const first = kit.delay("first", isFirstChunk, at, "control");
  const last = kit.delay("last", lastChunk, at, "control");
  const place = kit.delay("place", chunk.q, at, "control");
  const field = (
    word: Signal,
    { at: from, width }: { readonly at: number; readonly width: number },
  ): Signal => sliceOf(word, from, width);
  const results = parameters.map((word, r) => {
    const byte = b.net(`result_byte_${r}`, 8);
    const done = b.net(`done_${r}`, 1);
    b.add({
      kind: "instance",
      name: `u_requantizer_${r}`,
      module: requantizer.module.name,
      inputs: Object.entries({
        aresetn: resetN,
        valid,
        first,
        last,
        sum: sliceOf(values, r * ACCUMULATOR_BITS, ACCUMULATOR_BITS),
        bias: field(word, parameterFields.bias),
        multiplier: field(word, parameterFields.multiplier),
        ...(chunks === 1 ? {} : { chunk: sliceOf(place, 0, Math.log2(chunks)) }),
        shift: field(word, parameterFields.shift),
        double_rounding: doubleRounding,
        ties_away: tiesAway,
        zero_point: zeroPoint,
        low,
        high,
      }).map(([port, signal]) => ({ port, signal })),
      outputs: [
        { port: "result_byte", net: byte },
        { port: "done", net: done },
      ],
    });
    return { byte: b.signal(byte), done: b.signal(done) };
  });
  const done = results[0]!.done;

  // The bytes of earlier rounds wait for the last one's.
  const bytes = concat(results.map(({ byte }) => byte));
  const collected: Signal[] = [];
  for (let i = 1; i < rounds; i++) {
    // A shift register: round 0 is the oldest.
    collected.push(
      b.register(`collected_${i}`, collected.at(-1) ?? bytes, { enable: done, role: "datapath" }),
    );
  }
  const latency = at + requantizer.latencyCycles;
  const write = kit.delayControl("write", pixelEnd, latency);
  const along = (name: string, signal: Signal): Signal => kit.delay(name, signal, latency, "control");
  b.output("drain_read", pixelBegin);
  b.output("drain_read_bank", job.bank);
  b.output("drain_read_row", sumsRow.q);
  b.output("drain_write", write);
  b.output("drain_bank", along("drain_bank_at", bank.q));
  b.output("drain_address", along("drain_address_at", address.q));
  b.output("drain_slice", along("drain_slice_at", job.wordSlice));
  b.output("drain_data", concat([...collected].reverse().concat([bytes])));
  const lastRead = kit.and("last_read", pixelBegin, lastColumn, lastRow);
  b.output("bank_free", kit.delayControl("bank_free_at", lastRead, 2), "pulse: the stripe's sums are read");
  b.output(
    "parameters_free",
    kit.delayControl("parameters_free_at", groupEnds, at),
    "pulse: a group is done with",
  );
  b.output(
    "layer_drained",
    kit.delayControl("layer_drained_at", kit.and("layer_ends", jobEnd, job.layerLast), latency + 1),
    "pulse: the layer's last word is in memory",
  );
  return { modules: [requantizer.module, b.build()], latencyCycles: latency };
}
