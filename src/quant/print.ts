import { assertNever } from "../core/index.js";
import { formatShape } from "../tensor/index.js";
import {
  inputsOfQuantNode,
  type QuantNetwork,
  type QuantNode,
  type QuantType,
  type Requantization,
} from "./nodes.js";

function formatType(type: QuantType): string {
  const sign = type.signed ? "s" : "u";
  const scale = Number(type.scale.toPrecision(6));
  return `${sign}${type.bits}[${formatShape(type.shape)}] scale ${scale} zero ${type.zeroPoint}`;
}

function formatRequantization(requantization: Requantization): string {
  if (requantization.mode !== "programmable") return requantization.mode;
  const { multiplierBits, signed, biasBits } = requantization;
  return `programmable ${signed ? "s" : "u"}${multiplierBits} bias s${biasBits}`;
}

function describe(node: QuantNode): string {
  switch (node.kind) {
    case "input":
    case "reshape":
      return "";
    case "conv2d":
    case "depthwiseConv2d": {
      const { top, bottom, left, right } = node.padding;
      const requantization = formatRequantization(node.requantization);
      return (
        ` ${formatShape(node.weights.shape)} stride ${node.stride.height}x${node.stride.width}` +
        ` pad ${top},${bottom},${left},${right} ${requantization} clamp ${node.clamp.low}..${node.clamp.high}`
      );
    }
    case "dense":
      return ` ${formatShape(node.weights.shape)} ${formatRequantization(node.requantization)} clamp ${node.clamp.low}..${node.clamp.high}`;
    case "maxPool2d":
    case "averagePool2d": {
      const { top, bottom, left, right } = node.padding;
      return (
        ` ${node.window.height}x${node.window.width} stride ${node.stride.height}x${node.stride.width}` +
        ` pad ${top},${bottom},${left},${right}`
      );
    }
    case "globalAveragePool2d":
      return ` ${node.requantization.mode} clamp ${node.clamp.low}..${node.clamp.high}`;
    case "add":
      return (
        ` multipliers ${node.operandMultipliers.join(",")}` +
        `${node.operandShifts === undefined ? "" : ` shifts ${node.operandShifts.join(",")}`} ${node.requantization.mode}` +
        ` clamp ${node.clamp.low}..${node.clamp.high}`
      );
    default:
      return assertNever(node);
  }
}

/** Print an integer network, one line a layer: `%name = kind(%inputs) attributes : type`. Weights are left out. */
export function printQuantNetwork(network: QuantNetwork): string {
  const lines = network.nodes.map((node) => {
    const inputs = inputsOfQuantNode(node).map((name) => `%${name}`);
    return `  %${node.name} = ${node.kind}(${inputs.join(", ")})${describe(node)} : ${formatType(node.output)}`;
  });
  const { scale, offset } = network.encoding;
  return [
    `quantNetwork "${network.name}" real = ${scale} * byte + ${offset} {`,
    ...lines,
    `  return %${network.output}`,
    "}",
    "",
  ].join("\n");
}
