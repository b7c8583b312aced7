/** What the logic of a layer is for; registers and memories are told by their kind. */
export type LogicComponent = "datapath" | "requantization" | "control";

/** Trees and adders of requantization, saturations, clamps; multipliers of programmable normalization. */
const requantizing = /^(u_)?(s\d+_l\d+q_|saturate|not_sign|y\d+_|scale(_left)?\d+|offset)/;
/**
 * Tell what a logic cell of a layer is for, by its name and the instances that it is in. The names are those that layers are compiled with:
 * modules of a datapath, `u_laneN` and `u_requantizeN` of a folded layer; what stands in the layer's own module is control.
 *
 * @param path names of the instances from the layer's module down, each followed by a dot; empty in the layer's own module
 * @param name name of the cell, or of the first of what it was made into
 */
export function logicComponent(path: string, name: string): LogicComponent {
  if (path === "") return "control";
  if (/(^|[._])requantize\d*\./.test(path)) return "requantization";
  if (/(^|\.)u_lane\d+\./.test(path)) return "datapath";
  return requantizing.test(name) ? "requantization" : "datapath";
}
