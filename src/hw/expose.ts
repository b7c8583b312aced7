import { invariant } from "../core/index.js";
import type { Design, NetId } from "./netlist.js";

/** Add an output port, of the same name, for each of some nets of the top module, so that a simulation can look at them. */
export function exposeNets(design: Design, names: readonly string[]): Design {
  const top = design.modules.at(-1);
  invariant(top !== undefined, "a design has modules");
  const ports = names.map((name) => {
    const net = top.nets.findIndex((one) => one.name === name);
    invariant(net >= 0, `${top.name} has no net ${name}`);
    return { name, direction: "output" as const, net: net as NetId };
  });
  return {
    ...design,
    modules: [...design.modules.slice(0, -1), { ...top, ports: [...top.ports, ...ports] }],
  };
}
