import { type Cell, cellInputs, cellOutputs, type Design, type Module, type Signal } from "./netlist.js";

/** Print a signal, most significant slice first as in Verilog: `{sum[7:0], 3'b010}`. */
export function printSignal(module: Module, signal: Signal): string {
  const parts = [...signal].reverse().map((slice) => {
    if (slice.kind === "constant") return `${slice.bits.length}'b${slice.bits}`;
    const { name, width } = module.nets[slice.net]!;
    if (slice.low === 0 && slice.width === width) return name;
    return slice.width === 1
      ? `${name}[${slice.low}]`
      : `${name}[${slice.low + slice.width - 1}:${slice.low}]`;
  });
  return parts.length === 1 ? parts[0]! : `{${parts.join(", ")}}`;
}

function details(cell: Cell): string {
  switch (cell.kind) {
    case "register":
      return ` reset=${cell.resetValue ?? "-"} role=${cell.role}`;
    case "ram":
      return ` depth=${cell.depth}`;
    case "rom":
      return ` depth=${cell.depth} contents=${cell.contents.join(",")}`;
    case "constant":
      return ` bits=${cell.bits}`;
    case "instance":
      return ` of=${cell.module}`;
    case "less":
    case "equal":
      return cell.signed ? " signed" : "";
    default:
      return "";
  }
}

/** Print a module as text, one cell a line: outputs, kind, name, details, inputs. */
export function printModule(module: Module): string {
  const net = (id: number): string => `${module.nets[id]!.name}:${module.nets[id]!.width}`;
  return [
    `module ${module.name}${module.clock === null ? "" : ` clock=${module.nets[module.clock]!.name}`}`,
    ...module.ports.map((port) => `  ${port.direction} ${net(port.net)}`),
    ...module.cells.map((cell) => {
      const outputs = cellOutputs(cell).map((o) => `${o.pin}=${net(o.net)}`);
      const inputs = cellInputs(cell).map((i) => `${i.pin}=${printSignal(module, i.signal)}`);
      return `  ${outputs.join(" ")} <- ${cell.kind} ${cell.name}${details(cell)} ${inputs.join(" ")}`.trimEnd();
    }),
    "",
  ].join("\n");
}

/** Print all modules of a design. */
export function printDesign(design: Design): string {
  return design.modules.map(printModule).join("\n");
}
