import { FixynnError } from "../core/index.js";
import { SimModuleBuilder } from "./build.js";
import {
  type Bit,
  GATE_WORDS,
  gateInputs,
  gateKinds,
  gateOutputs,
  ONE,
  type SimModule,
  type SimNetlist,
  ZERO,
} from "./ir.js";
import { verifySimModule } from "./verify.js";

/**
 * Put all instances below a module in place: one flat module, nets named by their instance path, verified.
 *
 * @param name module to flatten; default the top
 * @throws FixynnError FX6002 when an instance's module is missing, FX6003 when the result is broken (see {@link verifySimModule})
 */
export function flatten(netlist: SimNetlist, name: string = netlist.top): SimModule {
  const find = (module: string): SimModule => {
    const found = netlist.modules.get(module);
    if (found !== undefined) return found;
    throw new FixynnError("FX6002", "no such module in the netlist", { place: module });
  };
  const top = find(name);
  if (top.instances.length === 0) return verifySimModule(top);
  const b = new SimModuleBuilder(name);
  const clocks: Bit[] = [];

  const place = (
    module: SimModule,
    path: string,
    outer: ReadonlyMap<string, readonly Bit[]> | null,
  ): void => {
    const local = new Int32Array(module.bitCount).fill(-1);
    local[ZERO] = ZERO;
    local[ONE] = ONE;
    if (outer !== null) {
      for (const port of module.ports) {
        const bits = outer.get(port.name);
        for (const [i, bit] of (bits === undefined || port.direction === "output"
          ? []
          : port.bits
        ).entries()) {
          local[bit] = bits![i]!;
        }
      }
    }
    const one = (bit: Bit): Bit => {
      if (local[bit] === -1) local[bit] = b.bit();
      return local[bit]! as Bit;
    };
    const all = (bits: readonly Bit[]): Bit[] => bits.map(one);
    for (let i = 0; i < module.gates.length; i += GATE_WORDS) {
      const g = module.gates;
      const code = g[i]!;
      const outputs = [one(g[i + 1]! as Bit)];
      if (gateOutputs[code] === 2) outputs.push(one(g[i + 2]! as Bit));
      const inputs: Bit[] = [];
      for (let j = 0; j < gateInputs[code]!; j++) inputs.push(one(g[i + 3 + j]! as Bit));
      b.gate(gateKinds[code]!, outputs, inputs);
    }
    for (const r of module.registers) {
      const bits = { d: all(r.d), q: all(r.q), enable: one(r.enable), resetN: one(r.resetN) };
      b.register({ ...r, ...bits, name: path + r.name });
    }
    for (const ram of module.rams) {
      b.ram({
        ...ram,
        name: path + ram.name,
        reads: ram.reads.map((p) => ({ enable: one(p.enable), address: all(p.address), q: all(p.q) })),
        writes: ram.writes.map((p) => ({
          enable: one(p.enable),
          address: all(p.address),
          data: all(p.data),
        })),
      });
    }
    if (outer === null) for (const port of module.ports) b.port({ ...port, bits: all(port.bits) });
    else {
      for (const port of module.ports) {
        const bits = outer.get(port.name);
        if (bits !== undefined && port.direction === "output") b.connectWord(bits, all(port.bits));
        if (bits === undefined && port.direction === "input") {
          throw new FixynnError("FX6002", `input ${port.name} of ${module.name} is open`, { place: path });
        }
      }
    }
    for (const net of [...(outer === null ? [] : module.ports), ...module.nets]) {
      b.net({ name: path + net.name, bits: all(net.bits) });
    }
    for (const cell of module.instances) {
      const pins = new Map([...cell.inputs, ...cell.outputs].map(({ port, bits }) => [port, all(bits)]));
      place(find(cell.module), `${path}${cell.name}.`, pins);
    }
    if (module.clock !== null) clocks.push(one(module.clock));
  };
  place(top, "", null);
  const [clock, ...others] = new Set(clocks.map((bit) => b.resolve(bit)));
  if (others.length > 0) throw new FixynnError("FX6002", "more than one clock", { place: name });
  if (clock !== undefined) b.clock(clock);
  return verifySimModule(b.build());
}
