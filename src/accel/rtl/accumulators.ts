import type { ClockTarget } from "../../arith/index.js";
import { concat, literal, type Module, ModuleBuilder, repeat, type Signal, sliceOf } from "../../hw/index.js";
import { ACCUMULATOR_BITS, type EngineConfig } from "../config.js";
import { TAG_LEAD } from "./array.js";
import { Kit, signExtend, zeroExtend } from "./kit.js";
import { sumBitsOf } from "./lane.js";
import { rowBitsOf, tagBitsOf, unpackTag } from "./tag.js";

/** Cycles from a tag to the cycle in which its sum can be read. */
export const ACCUMULATE_LATENCY = TAG_LEAD + 2;
/** Bits of what a maximum compares: bytes, and a sign that is 0. */
const MAXIMUM_BITS = 9;

/**
 * Build `fxa_accumulators`: two banks of a stripe's sums. A tag comes {@link TAG_LEAD} cycles before its sums: so long the old sum needs from
 * memory to register. Then it is added (or the larger one stays) and written back. The drain reads the other bank at any time.
 */
export function buildAccumulators(config: EngineConfig, clock: ClockTarget): Module {
  const { kPar, stripePixels } = config;
  const bits = ACCUMULATOR_BITS;
  const rowBits = rowBitsOf(config);
  const sumBits = sumBitsOf(config);
  const b = new ModuleBuilder("fxa_accumulators", [
    `Sums of ${kPar} lanes: two banks of ${stripePixels} rows.`,
    `A sum can be read ${ACCUMULATE_LATENCY} cycles after its tag.`,
  ]);
  b.clock("aclk");
  const kit = new Kit(b, clock, b.input("aresetn", 1, "synchronous reset, active low"));
  const sums = b.input("sums", kPar * sumBits, `${TAG_LEAD} cycles after their tag`);
  const tag = unpackTag(b.input("tag_in", tagBitsOf(config)), config);
  const drainRead = b.input("drain_read", 1);
  const drainBank = b.input("drain_read_bank", 1);
  const drainRow = b.input("drain_read_row", rowBits);

  const later = (name: string, signal: Signal, cycles: number): Signal =>
    kit.delay(name, signal, cycles, "control");
  const emits = [tag.emit];
  for (let i = 1; i <= 3; i++) emits.push(kit.delayControl(`emit${i}`, emits[i - 1]!, 1));
  const writeBank = later("bank", tag.bank, 3);
  const writeRow = later("row", tag.row, 3);
  const written = b.net("written", kPar * bits, "new sums");
  const fetchOld = kit.and("fetch_old", tag.emit, kit.not("goes_on", tag.begin));
  const words = [0, 1].map((bank) => {
    const mine = (name: string, select: Signal): Signal =>
      bank === 1 ? select : kit.not(`${name}_is_0`, select);
    const own = kit.and(`old_${bank}`, fetchOld, mine(`old_${bank}`, tag.bank));
    const drained = kit.and(`drain_${bank}`, drainRead, mine(`drain_${bank}`, drainBank));
    const readData = b.net(`bank_${bank}_word`, kPar * bits);
    b.add({
      kind: "ram",
      name: `memory_${bank}`,
      doc: `Sums of a stripe: ${stripePixels} rows of ${kPar} lanes.`,
      depth: stripePixels,
      writeEnable: kit.and(`write_${bank}`, emits[3]!, mine(`write_${bank}`, writeBank)),
      writeAddress: writeRow,
      writeData: b.signal(written),
      readEnable: kit.or(`read_${bank}`, own, drained),
      readAddress: kit.mux(`read_row_${bank}`, drained, drainRow, tag.row),
      readData,
    });
    return b.signal(readData);
  });
  b.output(
    "drain_sums",
    kit.mux(
      "drained_word",
      b.register("drained_bank", drainBank, { enable: drainRead, role: "control" }),
      words[1]!,
      words[0]!,
    ),
    "one cycle after drain_read, until the next",
  );

  // Old sums, scaled or nothing at all, in a register when the new ones come.
  const old = kit.mux("old_word", later("old_bank", tag.bank, 1), words[1]!, words[0]!);
  const scale = later("scale", tag.scale, 1);
  const continues = kit.not("continues", later("begin", tag.begin, 1));
  const scaled = Array.from({ length: kPar }, (_, k) => {
    const lane = sliceOf(old, k * bits, bits);
    return kit.mux(`scaled${k}`, scale, concat([literal(0, 8), sliceOf(lane, 0, bits - 8)]), lane);
  });
  const held = b.register("held", kit.and("kept", concat(scaled), repeat(continues, kPar * bits)), {
    enable: emits[1]!,
    role: "datapath",
  });
  const maximum = later("maximum", tag.maximum, 2);
  const next = Array.from({ length: kPar }, (_, k) => {
    const before = sliceOf(held, k * bits, bits);
    const sum = signExtend(sliceOf(sums, k * sumBits, sumBits), bits);
    const total = kit.add(`total${k}`, before, sum);
    const [low, own] = [sliceOf(before, 0, MAXIMUM_BITS), sliceOf(sum, 0, MAXIMUM_BITS)];
    const larger = kit.mux(`larger${k}`, kit.less(`is_more${k}`, low, own), own, low);
    return kit.mux(`next${k}`, maximum, zeroExtend(larger, bits), total);
  });
  const result = b.register("result", concat(next), { enable: emits[2]!, role: "datapath" });
  b.add({ kind: "assign", name: "drive_written", a: result, y: written });
  const ends = kit.and("ends", tag.emit, tag.last);
  b.output(
    "stripe_done",
    kit.delayControl("done", ends, ACCUMULATE_LATENCY),
    "pulse: the stripe's sums can be read, from this cycle on",
  );
  return b.build();
}
