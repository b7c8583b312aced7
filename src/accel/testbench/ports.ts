/** A port of the engine and of a system with it. `width` is Verilog, `DATA_BYTES` being the bytes of a beat; `input` as the engine sees it. */
export type SystemPort = { readonly name: string; readonly input: boolean; readonly width: string };

const port =
  (prefix: string, direction: "in" | "out") =>
  (name: string, width = "1"): SystemPort => ({ name: `${prefix}${name}`, input: direction === "in", width });

const [toRegisters, fromRegisters] = [port("s_axil_", "in"), port("s_axil_", "out")];
const [toMemory, fromMemory] = [port("m_axi_", "out"), port("m_axi_", "in")];

/** Signals of a burst's address. */
const burst = (channel: "ar" | "aw"): readonly SystemPort[] => [
  toMemory(`${channel}valid`),
  fromMemory(`${channel}ready`),
  toMemory(`${channel}addr`, "32"),
  toMemory(`${channel}len`, "8"),
  toMemory(`${channel}size`, "3"),
  toMemory(`${channel}burst`, "2"),
  toMemory(`${channel}id`, "2"),
  toMemory(`${channel}cache`, "4"),
  toMemory(`${channel}prot`, "3"),
];

/** The AXI4-Lite port. */
export const registerPorts: readonly SystemPort[] = [
  toRegisters("awvalid"),
  fromRegisters("awready"),
  toRegisters("awaddr", "8"),
  toRegisters("wvalid"),
  fromRegisters("wready"),
  toRegisters("wdata", "32"),
  toRegisters("wstrb", "4"),
  fromRegisters("bvalid"),
  toRegisters("bready"),
  fromRegisters("bresp", "2"),
  toRegisters("arvalid"),
  fromRegisters("arready"),
  toRegisters("araddr", "8"),
  fromRegisters("rvalid"),
  toRegisters("rready"),
  fromRegisters("rdata", "32"),
  fromRegisters("rresp", "2"),
];

/** The AXI4 port. */
export const memoryPorts: readonly SystemPort[] = [
  ...burst("ar"),
  fromMemory("rvalid"),
  toMemory("rready"),
  fromMemory("rdata", "8 * DATA_BYTES"),
  fromMemory("rresp", "2"),
  fromMemory("rlast"),
  fromMemory("rid", "2"),
  ...burst("aw"),
  toMemory("wvalid"),
  fromMemory("wready"),
  toMemory("wdata", "8 * DATA_BYTES"),
  toMemory("wstrb", "DATA_BYTES"),
  toMemory("wlast"),
  fromMemory("bvalid"),
  toMemory("bready"),
  fromMemory("bresp", "2"),
  fromMemory("bid", "2"),
];

/** The AXI4-Stream port. */
export const streamPorts: readonly SystemPort[] = [
  { name: "s_axis_tvalid", input: true, width: "1" },
  { name: "s_axis_tready", input: false, width: "1" },
  { name: "s_axis_tdata", input: true, width: "8 * STREAM_BYTES" },
];
