import type { ModuleBuilder } from "./builder.js";
import type { InstanceCell, Module, Signal } from "./netlist.js";

/** For each pipeline stage what lets the registers behind it move on: one bit. */
export type StageEnables = (stage: number) => Signal;

const PORT = /^advance(\d+)$/;

/** Enables that come from outside: a port `advanceS` for each stage S with registers, declared when it is first asked for. */
export function enablePorts(b: ModuleBuilder): StageEnables {
  const known = new Map<number, Signal>();
  return (stage) => {
    const port = known.get(stage) ?? b.input(`advance${stage}`, 1, `registers behind stage ${stage} move on`);
    known.set(stage, port);
    return port;
  };
}

/** Names of a module's ports of {@link enablePorts}. */
export const enablePortsOf = ({ ports }: Module): readonly string[] =>
  ports.flatMap(({ name, direction }) => (direction === "input" && PORT.test(name) ? [name] : []));

/**
 * Connect the ports of {@link enablePorts} of an instance.
 *
 * @param enables of the stages around it; `first` is the one that the module's stage 0 is
 */
export function connectEnables(module: Module, enables: StageEnables, first = 0): InstanceCell["inputs"] {
  return enablePortsOf(module).map((port) => ({
    port,
    signal: enables(first + Number(PORT.exec(port)![1])),
  }));
}
