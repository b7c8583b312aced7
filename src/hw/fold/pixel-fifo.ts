import { literal, type ModuleBuilder } from "../builder.js";
import { counterWidth, type NetId, type Signal, signalWidth } from "../netlist.js";

/** The stream that goes into a memory of pixels, and how the memory's parts are named. */
export type FifoInput = {
  readonly pixel: Signal;
  readonly valid: Signal;
  readonly resetN: Signal;
  /** Begins all names; default `fifo`. */
  readonly name?: string;
};

/**
 * Add a memory of pixels in front of a layer. Its read port shows the oldest pixel, so it holds `depth` pixels and that one. Ready depends
 * on registers only.
 *
 * @param taken net to be driven: the layer takes the pixel that is shown
 */
export function addPixelFifo(
  b: ModuleBuilder,
  depth: number,
  { pixel, valid, resetN, name: fifo = "fifo" }: FifoInput,
  taken: NetId,
): { readonly pixel: Signal; readonly valid: Signal; readonly ready: Signal } {
  const bits = counterWidth(depth - 1);
  const countBits = counterWidth(depth);
  const storedNet = b.net(`${fifo}_stored`, countBits, `counts 0 to ${depth}: pixels in the memory`);
  const stored = b.signal(storedNet);
  const ready = b.not(
    `${fifo}_not_full`,
    b.compare("equal", `${fifo}_full`, stored, b.constant(`${fifo}_depth`, depth, countBits)),
  );
  const some = b.not(`${fifo}_some`, b.compare("equal", `${fifo}_none`, stored, literal(0, countBits)));
  const front = b.net(`${fifo}_front`, 1, "the read port shows a pixel");
  const open = b.logic("or", `${fifo}_open`, [b.not(`${fifo}_bare`, b.signal(front)), b.signal(taken)]);
  const write = b.logic("and", `${fifo}_write`, [valid, ready]);
  const read = b.logic("and", `${fifo}_read`, [some, open]);
  const control = { resetN, role: "control" } as const;
  const address = (name: string, enable: Signal): Signal => {
    const net = b.net(name, bits);
    const at = b.signal(net);
    const plus = b.arithmetic("add", `${name}_plus_1`, at, literal(1, bits));
    const last = b.compare("equal", `${name}_last`, at, literal(depth - 1, bits));
    const next = depth === 2 ** bits ? plus : b.mux(`${name}_next`, last, literal(0, bits), plus);
    b.registerInto(net, name, depth === 1 ? literal(0, bits) : next, { ...control, enable });
    return at;
  };
  const readData = b.net(`${fifo}_pixel`, signalWidth(pixel), "the oldest pixel");
  b.add({
    kind: "ram",
    name: fifo,
    doc: `Pixels that wait for the layer: ${depth}.`,
    depth,
    writeEnable: write,
    writeAddress: address(`${fifo}_write_address`, write),
    writeData: pixel,
    readEnable: read,
    readAddress: address(`${fifo}_read_address`, read),
    readData,
  });
  const more = b.arithmetic("add", `${fifo}_more`, stored, literal(1, countBits));
  const less = b.arithmetic("sub", `${fifo}_less`, stored, literal(1, countBits));
  const changes = b.logic("xor", `${fifo}_changes`, [write, read]);
  b.registerInto(storedNet, `${fifo}_stored`, b.mux(`${fifo}_next`, write, more, less), {
    ...control,
    enable: changes,
  });
  const kept = b.logic("and", `${fifo}_kept`, [b.signal(front), b.not(`${fifo}_untaken`, b.signal(taken))]);
  b.registerInto(front, `${fifo}_front`, b.logic("or", `${fifo}_shows`, [read, kept]), control);
  return { pixel: b.signal(readData), valid: b.signal(front), ready };
}
