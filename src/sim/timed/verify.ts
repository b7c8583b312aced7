import { FixynnError } from "../../core/index.js";
import { MAX_DELAY_PS, MAX_TIMED_INPUTS, type TimedNet, type TimedNetlist } from "./ir.js";

/**
 * Check a timed netlist: one driver a net, widths, delays of 1 ps to {@link MAX_DELAY_PS}, and no loop without a flip-flop.
 *
 * @throws FixynnError FX6050 naming the first fault
 */
export function verifyTimedNetlist(netlist: TimedNetlist): TimedNetlist {
  const { netCount, types, cells, groups, flipFlops, memories, ports } = netlist;
  const fail = (message: string): never => {
    throw new FixynnError("FX6050", `malformed timed netlist: ${message}`, { place: netlist.name });
  };
  /** Cell that drives each net; −1 source, −2 nothing. */
  const driver = new Int32Array(netCount).fill(-2);
  const reads = (net: TimedNet, what: string): void => {
    if (!(net >= 0 && net < netCount)) fail(`${what} reads net ${net}`);
  };
  const drives = (net: TimedNet, by: number, what: string): void => {
    reads(net, what);
    if (net < 2 || driver[net] !== -2) fail(`net ${net} has two drivers, one is ${what}`);
    driver[net] = by;
  };
  const delay = (ps: number, what: string): void => {
    if (!(Number.isInteger(ps) && ps >= 1 && ps <= MAX_DELAY_PS)) fail(`${what} takes ${ps} ps`);
  };
  const component = (index: number): void => {
    if (netlist.components[index] === undefined) fail(`no component ${index}`);
  };
  driver[0] = -1;
  driver[1] = -1;
  for (const port of ports)
    if (port.direction === "input") for (const net of port.nets) drives(net, -1, port.name);
  for (const ff of flipFlops) {
    drives(ff.q, -1, "a flip-flop");
    for (const ps of ff.delayPs) delay(ps, "a flip-flop");
    if (groups[ff.group] === undefined) fail(`no clock group ${ff.group}`);
    component(ff.component);
  }
  for (const memory of memories) {
    for (const port of memory.reads) {
      if (port.q.length !== memory.width) fail(`memory ${memory.name} is ${memory.width} bits wide`);
      for (const net of port.q) drives(net, -1, memory.name);
    }
    delay(memory.accessPs, memory.name);
    component(memory.component);
    if (memory.contents !== null && memory.contents.length > memory.depth)
      fail(`memory ${memory.name} has too many words`);
  }
  delay(netlist.inputDelayPs, "an input");
  for (const [i, cell] of cells.entries()) {
    const type = types[cell.type];
    if (type === undefined) return fail(`cell ${i} has no type`);
    if (type.inputs.length > MAX_TIMED_INPUTS || type.outputs.length < 1 || type.outputs.length > 2)
      fail(`type ${type.name} has ${type.inputs.length} inputs, ${type.outputs.length} outputs`);
    if (cell.inputs.length !== type.inputs.length || cell.outputs.length !== type.outputs.length)
      fail(`cell ${i} does not fit ${type.name}`);
    if (cell.delaysPs.length !== 4 * cell.inputs.length) fail(`cell ${i}: ${cell.delaysPs.length} delays`);
    for (const [at, ps] of cell.delaysPs.entries())
      if ((at & 2) === 0 || cell.outputs.length === 2) delay(ps, `cell ${i} (${type.name})`);
    for (const net of cell.outputs) if (net !== null) drives(net, i, `cell ${i}`);
    component(cell.component);
  }
  const read = (nets: readonly TimedNet[], what: string): void => {
    for (const net of nets) {
      reads(net, what);
      if (driver[net] === -2) fail(`${what} reads net ${net}, which nothing drives`);
    }
  };
  for (const [i, cell] of cells.entries()) read(cell.inputs, `cell ${i}`);
  read(
    flipFlops.map(({ d }) => d),
    "a flip-flop",
  );
  read(
    groups.map(({ enable }) => enable),
    "a clock group",
  );
  for (const { name, reads: out, writes } of memories) {
    for (const port of out) read([port.enable, ...port.address], name);
    for (const port of writes) read([port.enable, ...port.address, ...port.data], name);
  }
  for (const port of ports) read(port.nets, port.name);
  checkLoops(netlist, driver, fail);
  return netlist;
}

function checkLoops({ cells }: TimedNetlist, driver: Int32Array, fail: (message: string) => never): void {
  const waiting = new Int32Array(cells.length);
  const readers: number[][] = cells.map(() => []);
  for (const [i, { inputs }] of cells.entries()) {
    for (const net of inputs) {
      const from = driver[net]!;
      if (from < 0) continue;
      waiting[i]! += 1;
      readers[from]!.push(i);
    }
  }
  const ready = cells.flatMap((_, i) => (waiting[i] === 0 ? [i] : []));
  for (const i of ready) for (const r of readers[i]!) if (--waiting[r]! === 0) ready.push(r);
  if (ready.length < cells.length) fail("a combinational loop");
}
