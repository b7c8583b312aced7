import { invariant } from "../../core/index.js";
import { type Module, type ModuleBuilder, type Signal, signalWidth } from "../../hw/index.js";

/** Units of a module under construction, and the nets between them. */
export type Assembly = {
  /** An output of a unit. */
  readonly out: (unit: string, port: string) => Signal;
  /** Say what drives a unit's inputs; `aresetn` is connected by itself. Every unit exactly once. */
  readonly connect: (unit: string, inputs: Readonly<Record<string, Signal>>) => void;
};

/** Declare instances of modules: outputs are nets at once, so that units may feed one another in any order. */
export function assemble(
  b: ModuleBuilder,
  units: Readonly<Record<string, Module>>,
  resetN: Signal,
): Assembly {
  const outputs = new Map<string, Map<string, Signal>>();
  for (const [unit, module] of Object.entries(units)) {
    const ports = module.ports.filter(({ direction }) => direction === "output");
    outputs.set(
      unit,
      new Map(
        ports.map(
          ({ name, net }) => [name, b.signal(b.net(`${unit}_${name}`, module.nets[net]!.width))] as const,
        ),
      ),
    );
  }
  const out = (unit: string, port: string): Signal => {
    const signal = outputs.get(unit)?.get(port);
    invariant(signal !== undefined, `no output ${port} of ${unit}`);
    return signal;
  };
  return {
    out,
    connect: (unit, inputs) => {
      const module = units[unit];
      invariant(module !== undefined, `no unit ${unit}`);
      const wanted = module.ports.filter(
        ({ direction, net }) => direction === "input" && net !== module.clock,
      );
      const given: Readonly<Record<string, Signal>> = { aresetn: resetN, ...inputs };
      for (const name of Object.keys(inputs))
        invariant(
          wanted.some((port) => port.name === name),
          `${unit} has no input ${name}`,
        );
      b.add({
        kind: "instance",
        name: `u_${unit}`,
        module: module.name,
        inputs: wanted.map(({ name, net }) => {
          const signal = given[name];
          invariant(signal !== undefined, `${unit}.${name} is open`);
          const { width } = module.nets[net]!;
          invariant(
            signalWidth(signal) === width,
            `${unit}.${name}: ${signalWidth(signal)} bits for ${width}`,
          );
          return { port: name, signal };
        }),
        outputs: [...outputs.get(unit)!].map(([port, signal]) => {
          const [slice] = signal;
          invariant(slice?.kind === "net", port);
          return { port, net: slice.net };
        }),
      });
    },
  };
}
