import { bitName, gateAt, gateCount, type SimModule } from "./ir.js";

/** Print a module as text, one line a port, gate, register and memory, e.g. `sum, carry = fullAdder(a, b, c)`. */
export function printSimModule(module: SimModule): string {
  const name = (bit: Parameters<typeof bitName>[1]): string =>
    bit <= 1 ? String(bit) : bitName(module, bit);
  const word = (bits: SimModule["ports"][number]["bits"]): string => bits.map(name).join(" ");
  const lines = [`module ${module.name}`];
  for (const port of module.ports) {
    const from = port.direction === "output" ? ` = ${word(port.bits)}` : "";
    lines.push(`  ${port.direction} ${port.name}[${port.bits.length}]${from}`);
  }
  for (let i = 0; i < gateCount(module); i++) {
    const gate = gateAt(module, i);
    lines.push(`  ${gate.outputs.map(name).join(", ")} = ${gate.kind}(${gate.inputs.map(name).join(", ")})`);
  }
  for (const r of module.registers) {
    const enable = r.enable === 1 ? "" : ` if ${name(r.enable)}`;
    const reset = r.resetN === 1 ? "" : ` reset by ${name(r.resetN)} to ${r.resetValue}`;
    lines.push(`  register ${word(r.q)} <= ${word(r.d)}${enable}${reset}`);
  }
  for (const ram of module.rams) {
    const what = ram.contents === null ? "memory" : "rom";
    lines.push(`  ${what} ${ram.name}: ${ram.depth} × ${ram.width}`);
    for (const [i, word] of (ram.contents ?? []).entries()) lines.push(`    [${i}] = ${word}`);
    for (const p of ram.reads) lines.push(`    ${word(p.q)} <= [${word(p.address)}] if ${name(p.enable)}`);
    for (const p of ram.writes)
      lines.push(`    [${word(p.address)}] <= ${word(p.data)} if ${name(p.enable)}`);
  }
  for (const cell of module.instances) {
    const pins = [...cell.inputs, ...cell.outputs].map(({ port, bits }) => `.${port}(${word(bits)})`);
    lines.push(`  ${cell.module} ${cell.name} ${pins.join(" ")}`);
  }
  return `${lines.join("\n")}\n`;
}
