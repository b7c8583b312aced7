import type { QuantType } from "../quant/index.js";
import { formatShape } from "../tensor/index.js";
import { literal, ModuleBuilder, sliceOf } from "./builder.js";
import type { FrontLayer } from "./front-graph.js";
import type { LayerHardware } from "./layer.js";
import { counterWidth, type Module, type Signal } from "./netlist.js";
import {
  addConfigurationPort,
  isAddressed,
  LAYER_PORT,
  type RegisterMap,
  registerMap,
  TOP_PORT,
  wordBits,
} from "./registers.js";
import { inputPort, streamOf } from "./streams.js";

/** Name of the top module. */
export const TOP_MODULE = "ffe_top";

/**
 * Hand each beat of a stream to all of its readers, each when it is ready: a bit for each reader remembers that it has the present beat. Valid
 * depends on registers and the stream's valid only, so there is no loop, and a reader that waits keeps the others back by one beat only.
 *
 * @param readies what each reader says, driven by the caller
 * @returns what each reader gets as valid, and whether the beat is done
 */
function addFork(
  b: ModuleBuilder,
  name: string,
  valid: Signal,
  readies: readonly Signal[],
  resetN: Signal,
): { readonly valids: readonly Signal[]; readonly ready: Signal } {
  const done = readies.map((_, i) => b.net(`${name}_done${i}`, 1, "this reader has the present beat"));
  const valids = done.map((net, i) =>
    b.logic("and", `${name}_valid${i}`, [valid, b.not(`${name}_open${i}`, b.signal(net))]),
  );
  const served = done.map((net, i) => b.logic("or", `${name}_served${i}`, [b.signal(net), readies[i]!]));
  const ready = b.logic("and", `${name}_ready`, served);
  const waits = b.logic("and", `${name}_waits`, [valid, b.not(`${name}_unfinished`, ready)]);
  for (const [i, net] of done.entries()) {
    const next = b.logic("and", `${name}_next${i}`, [waits, served[i]!]);
    b.registerInto(net, `${name}_done${i}`, next, { resetN, role: "control" });
  }
  return { valids, ready };
}

/** The registers of a front's layers; `undefined` if none has any. */
export function registerMapOf(layers: readonly LayerHardware[]): RegisterMap | undefined {
  const blocks = layers.flatMap(({ node, name, registers }) =>
    registers === undefined ? [] : [{ layer: node.name, module: name, registers }],
  );
  return blocks.length === 0 ? undefined : registerMap(blocks);
}

/** Add the top's configuration port; returns what each layer's port is connected to. */
function addRegisterFanOut(
  b: ModuleBuilder,
  map: RegisterMap,
): (module: string) => readonly { readonly port: string; readonly signal: Signal }[] | undefined {
  const { valid, address, data } = addConfigurationPort(b, TOP_PORT, map);
  const within = Math.max(...map.layers.map(({ addressBits }) => addressBits));
  const above = map.addressBits - within;
  const layer = sliceOf(address, within, above);
  const pins = new Map(
    map.layers.map((block, i) => {
      const chosen = isAddressed(b, `configure${i}`, { valid, address: layer }, i);
      const ports = [
        { port: `${LAYER_PORT}_valid`, signal: chosen },
        { port: `${LAYER_PORT}_address`, signal: sliceOf(address, 0, block.addressBits) },
        { port: `${LAYER_PORT}_data`, signal: sliceOf(data, 0, wordBits(block)) },
      ];
      return [block.module, ports] as const;
    }),
  );
  return (module) => pins.get(module);
}

/** Connect a front's layers: one instance each, forks where several read a stream, `tlast` on the output. */
export function buildTop(
  layers: readonly LayerHardware[],
  graph: readonly FrontLayer[],
  input: QuantType,
  output: QuantType,
): Module {
  const [inStream, outStream] = [streamOf(input), streamOf(output)];
  const map = registerMapOf(layers);
  const b = new ModuleBuilder(TOP_MODULE, [
    `Fixed feature extractor: ${layers.length} frozen layer(s), from "${layers[0]!.node.name}" to "${layers.at(-1)!.node.name}".`,
    `Input ${formatShape(input.shape)}, ${inStream.beats} beats a frame of ${inStream.channels} x ${input.bits} bits; output ` +
      `${formatShape(output.shape)}, ${outStream.beats} beats of ${outStream.channels} x ${output.bits} bits.`,
    "AXI4-Stream names and handshake; tlast marks the last beat of a frame.",
    ...(map === undefined
      ? []
      : [
          "Registers of programmable normalization: write all of them through s_cfg while aresetn is low, one a cycle, before the first frame;",
          "they keep their values when aresetn is low again. Addresses and fields: manifest.json.",
        ]),
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const inData = b.input("s_axis_tdata", inStream.channels * input.bits);
  const inValid = b.input("s_axis_tvalid", 1);
  const outReady = b.input("m_axis_tready", 1);
  const configure = map === undefined ? undefined : addRegisterFanOut(b, map);
  const ready = layers.map(({ inputs }, i) =>
    inputs.map((_, k) => b.net(inputs.length === 1 ? `ready${i}` : `ready${i}_${k}`, 1)),
  );
  /** The stream of a source: data, and for each of its readers (layer, input) the valid that it gets. */
  const streams: {
    readonly data: Signal;
    readonly valids: ReadonlyMap<string, Signal>;
    readonly ready: Signal;
  }[] = [];
  const pin = (layer: number, k: number): string => `${layer}.${k}`;
  const share = (source: number, data: Signal, valid: Signal): void => {
    const readers = graph.flatMap(({ sources }, layer) =>
      sources.flatMap((from, k) => (from === source ? [{ layer, k }] : [])),
    );
    const readies = readers.map(({ layer, k }) => b.signal(ready[layer]![k]!));
    const fork = readers.length > 1 ? addFork(b, `fork${source + 1}`, valid, readies, resetN) : undefined;
    streams[source + 1] = {
      data,
      valids: new Map(readers.map(({ layer, k }, i) => [pin(layer, k), fork?.valids[i] ?? valid])),
      ready: fork?.ready ?? readies[0] ?? outReady,
    };
  };
  share(-1, inData, inValid);
  const outputs = layers.map((layer, i) => {
    const { channels, bits } = streamOf(layer.node.output);
    const data = b.net(`data${i + 1}`, channels * bits, `out of ${layer.node.name}`);
    const valid = b.net(`valid${i + 1}`, 1);
    share(i, b.signal(data), b.signal(valid));
    return { data, valid };
  });
  for (const [i, layer] of layers.entries()) {
    const { sources } = graph[i]!;
    const port = (k: number): string => inputPort(k, sources.length);
    b.add({
      kind: "instance",
      name: `u_${layer.name}`,
      module: layer.name,
      inputs: [
        { port: "aresetn", signal: resetN },
        ...sources.flatMap((source, k) => [
          { port: `${port(k)}_tdata`, signal: streams[source + 1]!.data },
          { port: `${port(k)}_tvalid`, signal: streams[source + 1]!.valids.get(pin(i, k))! },
        ]),
        { port: "m_axis_tready", signal: streams[i + 1]!.ready },
        ...(configure?.(layer.name) ?? []),
      ],
      outputs: [
        ...sources.map((_, k) => ({ port: `${port(k)}_tready`, net: ready[i]![k]! })),
        { port: "m_axis_tdata", net: outputs[i]!.data },
        { port: "m_axis_tvalid", net: outputs[i]!.valid },
      ],
    });
  }
  const last = outputs.at(-1)!;
  const valid = b.signal(last.valid);
  b.output("s_axis_tready", streams[0]!.ready);
  b.output("m_axis_tdata", b.signal(last.data));
  b.output("m_axis_tvalid", valid);
  if (outStream.beats === 1) b.output("m_axis_tlast", literal(1, 1));
  else {
    const width = counterWidth(outStream.beats - 1);
    const net = b.net("beat", width, "output beats of this frame so far");
    const beat = b.signal(net);
    const end = b.compare("equal", "last_beat", beat, b.constant("beats_less_1", outStream.beats - 1, width));
    const plus = b.arithmetic("add", "beat_plus_1", beat, literal(1, width));
    const next = b.mux("next_beat", end, literal(0, width), plus);
    const enable = b.logic("and", "beat_taken", [valid, outReady]);
    b.registerInto(net, "beat", next, { enable, resetN, role: "control" });
    b.output("m_axis_tlast", end);
  }
  return b.build();
}
