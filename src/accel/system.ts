import { FixynnError } from "../core/index.js";
import {
  concat,
  type Design,
  type FrontEnd,
  frontEndDesign,
  literal,
  ModuleBuilder,
  type Signal,
  sliceOf,
  streamOf,
  TOP_MODULE,
  verifyDesign,
} from "../hw/index.js";
import type { QuantType } from "../quant/index.js";
import type { StreamGeometry } from "./config.js";
import { assemble } from "./rtl/assemble.js";
import { ENGINE_MODULE, type Engine } from "./rtl/engine.js";

/** Name of the whole chip's top module. */
export const SYSTEM_MODULE = "fixynn_top";

/**
 * Say what a front's output is to an engine's stream input: one pixel a beat, a vector one beat.
 *
 * @throws FixynnError FX5102 when it is not bytes
 */
export function streamGeometry(output: QuantType): StreamGeometry {
  if (output.bits !== 8)
    throw new FixynnError("FX5102", `the front gives values of ${output.bits} bits`, {
      place: SYSTEM_MODULE,
      hint: "the engine takes bytes: quantize the freeze point's output to 8 bits",
    });
  const [height, width] = output.shape.length === 3 ? output.shape : [1, 1];
  return { height: height!, width: width!, channels: streamOf(output).channels };
}

/**
 * Join a front and an engine: images come in at `s_axis`, the engine has the memory port and the registers. Ports of the front's programmable
 * normalization stay as they are. A signed front's bytes get 128 added, as the engine holds them.
 *
 * @throws FixynnError FX5102 when the engine's stream input is not the front's output
 */
export function buildSystem(front: FrontEnd, engine: Engine): Design {
  const geometry = streamGeometry(front.output);
  const { input } = engine.config;
  if (
    input === null ||
    (Object.keys(geometry) as (keyof StreamGeometry)[]).some((key) => input[key] !== geometry[key])
  )
    throw new FixynnError("FX5102", "the engine's stream input is not the front's output", {
      place: SYSTEM_MODULE,
      hint: `build the engine with input ${JSON.stringify(geometry)}`,
    });
  const frontDesign = frontEndDesign(front);
  const units = { front: front.top, engine: engine.design.modules.at(-1)! };
  const b = new ModuleBuilder(SYSTEM_MODULE, [
    `Frozen layers up to "${front.freezePoint}" (${TOP_MODULE}) in front of a programmable engine (${ENGINE_MODULE}).`,
    "While the engine works on a frame, the next one comes in.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const inner = new Set(["aresetn", "m_axis_tready", "s_axis_tvalid", "s_axis_tdata"]);
  const outside = (unit: keyof typeof units, own: (name: string) => boolean): Record<string, Signal> =>
    Object.fromEntries(
      units[unit].ports
        .filter(({ name, direction, net }) => direction === "input" && net !== units[unit].clock && own(name))
        .map(({ name, net }) => [name, b.input(name, units[unit].nets[net]!.width)]),
    );
  const frontInputs = outside("front", (name) => name !== "aresetn" && name !== "m_axis_tready");
  const engineInputs = outside("engine", (name) => !inner.has(name));
  const { out, connect } = assemble(b, units, resetN);
  const data = out("front", "m_axis_tdata");
  const bytes = front.output.signed
    ? b.logic("xor", "unsigned_pixel", [
        data,
        concat(Array.from({ length: geometry.channels }, () => literal(0x80, 8))),
      ])
    : data;
  connect("front", { ...frontInputs, m_axis_tready: out("engine", "s_axis_tready") });
  connect("engine", {
    ...engineInputs,
    s_axis_tvalid: out("front", "m_axis_tvalid"),
    s_axis_tdata: sliceOf(bytes, 0, 8 * geometry.channels),
  });
  b.output("s_axis_tready", out("front", "s_axis_tready"));
  for (const { name, direction } of units.engine.ports)
    if (direction === "output" && name !== "s_axis_tready") b.output(name, out("engine", name));
  const names = new Set(frontDesign.modules.map(({ name }) => name));
  const clash = engine.design.modules.find(({ name }) => names.has(name));
  if (clash !== undefined)
    throw new FixynnError("FX5102", `front and engine both have a module ${clash.name}`, {
      place: SYSTEM_MODULE,
    });
  const design: Design = {
    kind: "design",
    modules: [...frontDesign.modules, ...engine.design.modules, b.build()],
  };
  verifyDesign(design);
  return design;
}
