import { literal, type ModuleBuilder } from "../builder.js";
import { counterWidth, type NetId, type Signal, signalWidth } from "../netlist.js";

/**
 * Add a memory of pixels in front of a layer. Its read port shows the oldest pixel, so it holds `depth` pixels and that one. Ready depends
 * on registers only.
 *
 * @param taken net to be driven: the layer takes the pixel that is shown
 */
export function addPixelFifo(
  b: ModuleBuilder,
  depth: number,
  { pixel, valid, resetN }: { readonly pixel: Signal; readonly valid: Signal; readonly resetN: Signal },
  taken: NetId,
): { readonly pixel: Signal; readonly valid: Signal; readonly ready: Signal } {
  const bits = counterWidth(depth - 1);
  const countBits = counterWidth(depth);
  const storedNet = b.net("fifo_stored", countBits, `counts 0 to ${depth}: pixels in the memory`);
  const stored = b.signal(storedNet);
  const ready = b.not(
    "fifo_not_full",
    b.compare("equal", "fifo_full", stored, b.constant("fifo_depth", depth, countBits)),
  );
  const some = b.not("fifo_some", b.compare("equal", "fifo_none", stored, literal(0, countBits)));
  const front = b.net("fifo_front", 1, "the read port shows a pixel");
  const open = b.logic("or", "fifo_open", [b.not("fifo_bare", b.signal(front)), b.signal(taken)]);
  const write = b.logic("and", "fifo_write", [valid, ready]);
  const read = b.logic("and", "fifo_read", [some, open]);
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
  const readData = b.net("fifo_pixel", signalWidth(pixel), "the oldest pixel");
  b.add({
    kind: "ram",
    name: "fifo",
    doc: `Pixels that wait for the layer: ${depth}.`,
    depth,
    writeEnable: write,
    writeAddress: address("fifo_write_address", write),
    writeData: pixel,
    readEnable: read,
    readAddress: address("fifo_read_address", read),
    readData,
  });
  const more = b.arithmetic("add", "fifo_more", stored, literal(1, countBits));
  const less = b.arithmetic("sub", "fifo_less", stored, literal(1, countBits));
  const changes = b.logic("xor", "fifo_changes", [write, read]);
  b.registerInto(storedNet, "fifo_stored", b.mux("fifo_next", write, more, less), {
    ...control,
    enable: changes,
  });
  const kept = b.logic("and", "fifo_kept", [b.signal(front), b.not("fifo_untaken", b.signal(taken))]);
  b.registerInto(front, "fifo_front", b.logic("or", "fifo_shows", [read, kept]), control);
  return { pixel: b.signal(readData), valid: b.signal(front), ready };
}
