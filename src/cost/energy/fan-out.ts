import type { TimedBuilder, TimedNet } from "../../sim/index.js";

/** Changes what one sink reads. */
type Sink = { readonly connect: (net: TimedNet) => void };

/**
 * Put trees of buffers behind nets with more sinks than `most`, as mapping does (`bufferNets`). Clock gates' enable pins are not moved.
 *
 * @param addBuffer makes a buffer and returns its output
 */
export function bufferFanOuts(
  b: TimedBuilder,
  most: number,
  addBuffer: (input: TimedNet, driver: TimedNet) => { readonly output: TimedNet; readonly sink: Sink },
): void {
  const sinks = new Map<TimedNet, Sink[]>();
  const add = (net: TimedNet, sink: Sink): void => {
    if (net < 2) return;
    const list = sinks.get(net);
    if (list === undefined) sinks.set(net, [sink]);
    else list.push(sink);
  };
  const rom = b.component("rom");
  for (const [i, cell] of b.cells.entries()) {
    if (cell.component === rom) continue;
    for (const [pin, net] of cell.inputs.entries()) {
      const connect = (to: TimedNet): void => {
        const old = b.cells[i]!;
        b.cells[i] = { ...old, inputs: old.inputs.map((n, p) => (p === pin ? to : n)) };
      };
      add(net, { connect });
    }
  }
  for (const [i, ff] of b.flipFlops.entries()) {
    const connect = (d: TimedNet): void => {
      b.flipFlops[i] = { ...b.flipFlops[i]!, d };
    };
    add(ff.d, { connect });
  }
  for (const [net, list] of sinks) {
    let level = list;
    while (level.length > most) {
      const above: Sink[] = [];
      for (let from = 0; from < level.length; from += most) {
        const { output, sink } = addBuffer(net, net);
        for (const one of level.slice(from, from + most)) one.connect(output);
        above.push(sink);
      }
      level = above;
    }
  }
}
