import type { Rng } from "../../src/core/index.js";
import {
  concat,
  type Design,
  literal,
  type Module,
  ModuleBuilder,
  type Signal,
  signalWidth,
  sliceOf,
  toBits,
} from "../../src/hw/index.js";

/** Cut or repeat a signal to a width. */
function fitTo(signal: Signal, width: number): Signal {
  let wide = signal;
  while (signalWidth(wide) < width) wide = concat([wide, signal]);
  return sliceOf(wide, 0, width);
}

/** One pipeline stage of random cells over the words of the stage before. */
function stage(b: ModuleBuilder, rng: Rng, words: readonly Signal[], tag: string): Signal[] {
  const pick = (): Signal => words[rng.integer(words.length)]!;
  const width = (): number => 1 + rng.integer(12);
  const out: Signal[] = [];
  for (let i = 0; i < 12; i++) {
    const w = width();
    const [x, y, z] = [fitTo(pick(), w), fitTo(pick(), w), fitTo(pick(), w)];
    const name = `${tag}_${i}`;
    switch (rng.integer(10)) {
      case 0: {
        const [sum, carry] = [b.net(`${name}_sum`, w), b.net(`${name}_carry`, w)];
        b.add({ kind: "fullAdders", name, a: x, b: y, c: z, sum, carry });
        out.push(b.signal(sum), b.signal(carry));
        break;
      }
      case 1: {
        const [sum, carry] = [b.net(`${name}_sum`, w), b.net(`${name}_carry`, w)];
        b.add({ kind: "halfAdders", name, a: x, b: y, sum, carry });
        out.push(b.signal(sum), b.signal(carry));
        break;
      }
      case 2:
        out.push(b.not(name, x));
        break;
      case 3:
        out.push(b.logic("and", name, [x, y, z]), b.logic("or", `${name}_or`, [x, y]));
        break;
      case 4:
        out.push(b.logic("xor", name, [x, y, z]));
        break;
      case 5:
        out.push(b.mux(name, sliceOf(z, 0, 1), x, y));
        break;
      case 6:
        out.push(b.arithmetic("add", name, x, y));
        break;
      case 7:
        out.push(b.arithmetic("sub", name, x, y));
        break;
      case 8:
        out.push(b.compare("less", name, x, y, rng.integer(2) === 1), b.compare("equal", `${name}_eq`, x, z));
        break;
      default:
        out.push(concat([x, literal(rng.integer(2 ** 6), 6)]), b.constant(name, rng.integer(2 ** w), w));
    }
  }
  return out;
}

/**
 * A streaming module with random logic, a memory addressed by a counter, a child instance and registers of every kind; one beat in, one
 * beat out, three stages.
 */
export function randomStreamDesign(
  rng: Rng,
  widths: { readonly input: number; readonly output: number },
): Design {
  const child = new ModuleBuilder("random_child", ["Combinational part of a random design."]);
  const x = child.input("x", 9);
  child.output("y", fitTo(concat(stage(child, rng, [x], "c")), 11));
  const childModule = child.build();

  const b = new ModuleBuilder("random_stream", ["A random streaming module."]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1);
  const data = b.input("s_axis_tdata", widths.input);
  const valid = b.input("s_axis_tvalid", 1);
  const ready = b.input("m_axis_tready", 1);
  const valid3 = b.net("valid3", 1);
  const advance = b.logic("or", "advance", [b.not("empty3", b.signal(valid3)), ready]);
  const accept = b.logic("and", "accept", [valid, advance]);
  const valid1 = b.register("valid1", accept, { enable: advance, resetN, role: "control" });
  const valid2 = b.register("valid2", valid1, { enable: advance, resetN, role: "control" });
  b.registerInto(valid3, "valid3", valid2, { enable: advance, resetN, role: "control" });

  const column = b.net("column", 3);
  const wrap = b.compare("equal", "wrap", b.signal(column), literal(4, 3));
  const following = b.arithmetic("add", "following", b.signal(column), literal(1, 3));
  const next = b.mux("next_column", wrap, literal(0, 3), following);
  const odd = b.register("odd", b.not("even", b.signal(column)), {
    enable: accept,
    resetN,
    resetValue: 5,
    role: "control",
  });
  b.registerInto(column, "column", next, { enable: accept, resetN, role: "control" });
  const old = b.net("old", widths.input);
  const counted = b.signal(column);
  b.add({
    kind: "ram",
    name: "line",
    depth: 5,
    writeEnable: accept,
    writeAddress: counted,
    writeData: data,
    readEnable: accept,
    readAddress: counted,
    readData: old,
  });
  const delayed = b.register("delayed", data, { enable: accept, role: "window" });
  const once = b.register("once", literal(1, 1), { enable: accept, resetN, role: "control" });
  // Constants by the counter; of the smaller memory Yosys makes logic.
  const constants = ([7, 24] as const).map((depth, i) => {
    const readData = b.net(`constants${i}`, 6);
    const contents = Array.from({ length: depth }, () => toBits(rng.integer(64), 6));
    const address = depth === 7 ? counted : concat([sliceOf(odd, 0, 2), counted]);
    b.add({
      kind: "rom",
      name: `rom${i}`,
      depth,
      contents,
      readEnable: accept,
      readAddress: address,
      readData,
    });
    return b.mux(`rom${i}_or_zero`, once, b.signal(readData), literal(0, 6));
  });
  const line = b.mux("line_or_zero", once, b.signal(old), literal(0, widths.input));
  // The memory's start content is unknown, so the first round of the counter must not reach the output.
  const seen = b.net("seen", 1);
  const after = b.logic("or", "after", [b.signal(seen), wrap]);
  b.registerInto(seen, "seen", after, { enable: accept, resetN, role: "control" });
  const usable = b.register("usable", b.signal(seen), { enable: accept, resetN, role: "control" });
  const clean = b.mux("clean_line", usable, line, literal(0, widths.input));
  const y = b.net("child_y", 11);
  b.add({
    kind: "instance",
    name: "u_child",
    module: "random_child",
    inputs: [{ port: "x", signal: fitTo(delayed, 9) }],
    outputs: [{ port: "y", net: y }],
  });
  const first = stage(b, rng, [delayed, clean, b.signal(y), counted, odd, ...constants], "a");
  const held = first.map((word, i) => b.register(`hold_${i}`, word, { enable: advance, role: "datapath" }));
  const second = concat(stage(b, rng, held, "b"));
  const result = b.register("result", fitTo(second, widths.output), { enable: advance, role: "datapath" });
  b.output("s_axis_tready", advance);
  b.output("m_axis_tvalid", b.signal(valid3));
  b.output("m_axis_tdata", result);
  const modules: Module[] = [childModule, b.build()];
  return { kind: "design", modules };
}
