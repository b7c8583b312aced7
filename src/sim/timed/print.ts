import { type TimedCellType, type TimedNet, type TimedNetlist, tableBit } from "./ir.js";

const net = (n: TimedNet | null): string => (n === null ? "-" : n < 2 ? String(n) : `n${n}`);
const list = (nets: readonly (TimedNet | null)[]): string => nets.map(net).join(" ");

const truth = ({ inputs, outputs }: TimedCellType): string =>
  outputs
    .map(
      ({ pin, table }) =>
        `${pin}=${Array.from({ length: 2 ** inputs.length }, (_, s) => tableBit(table, s)).join("")}`,
    )
    .join(" ");

/** Write a timed netlist as text, one thing a line; truth tables from input state 0 up, delays as rise/fall in ps. */
export function printTimedNetlist(netlist: TimedNetlist): string {
  const { types, groups, components } = netlist;
  const lines = [`timed ${netlist.name}: ${netlist.netCount} nets, inputs after ${netlist.inputDelayPs} ps`];
  for (const port of netlist.ports) lines.push(`${port.direction} ${port.name}: ${list(port.nets)}`);
  for (const type of types) lines.push(`type ${type.name}(${type.inputs.join(" ")}): ${truth(type)}`);
  for (const cell of netlist.cells) {
    const pins = cell.inputs.map((_, i) =>
      cell.outputs
        .map((_y, o) => cell.delaysPs.slice((i * 2 + o) * 2, (i * 2 + o) * 2 + 2).join("/"))
        .join(","),
    );
    const type = types[cell.type]!.name;
    lines.push(
      `${list(cell.outputs)} = ${type}(${list(cell.inputs)}) ${pins.join(" ")} ${components[cell.component]}`,
    );
  }
  for (const ff of netlist.flipFlops) {
    const { enable, gated } = groups[ff.group]!;
    const clock = gated ? `gated by ${net(enable)}` : enable === 1 ? "" : `enabled by ${net(enable)}`;
    lines.push(
      `${net(ff.q)} <- ${net(ff.d)} ${ff.delayPs.join("/")} ${components[ff.component]} ${clock}`.trimEnd(),
    );
  }
  for (const memory of netlist.memories) {
    const kind = memory.contents === null ? "ram" : "rom";
    lines.push(`${kind} ${memory.name} ${memory.depth}x${memory.width} ${memory.accessPs} ps`);
    for (const p of memory.reads) lines.push(`  read ${net(p.enable)} [${list(p.address)}] -> ${list(p.q)}`);
    for (const p of memory.writes)
      lines.push(`  write ${net(p.enable)} [${list(p.address)}] <- ${list(p.data)}`);
  }
  return `${lines.join("\n")}\n`;
}
