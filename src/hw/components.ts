import { REQUANTIZATION, SATURATION } from "./datapath.js";

/** What the logic of a layer is for; registers and memories are told by their kind. */
export type LogicComponent = "datapath" | "requantization" | "control";

const requantizing = new RegExp(
  // Trees and adders of requantization, saturations, clamps; multipliers of programmable normalization.
  String.raw`^(u_)?(s\d+_l\d+${REQUANTIZATION}(_|$)|${SATURATION}|not_sign|y\d+_|scale(_left)?\d+|offset)`,
);
/** Choice of a folded layer's operands, running sums and comparisons of pools. */
const topDatapath = /^((x\d+|wanted|pixel_group)_\d+_\d+(_\d+)?|sum\d+|sums_before)$/;

/**
 * Tell what a logic cell of a layer is for, by its name and the instances that it is in. The names are those that layers are compiled with:
 * modules of a datapath, `u_laneN` and `u_requantizeN` of a folded layer; what stands in the layer's own module is control.
 *
 * @param path names of the instances from the layer's module down, each followed by a dot; empty in the layer's own module
 * @param name name of the cell, or of the first of what it was made into
 */
export function logicComponent(path: string, name: string): LogicComponent {
  if (path === "") return topDatapath.test(name) && !/^x\d+_\d+$/.test(name) ? "datapath" : "control";
  if (/(^|[._])requantize\d*\./.test(path)) return "requantization";
  if (/(^|\.)u_lane\d+\./.test(path)) return "datapath";
  return requantizing.test(name) ? "requantization" : "datapath";
}
