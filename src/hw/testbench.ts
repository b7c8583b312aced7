import { FixynnError } from "../core/index.js";
import type { QuantNetwork } from "../quant/index.js";
import { type FrontEnd, streamOf, TOP_MODULE } from "./front.js";
import { type RegisterMap, registerWrites, TOP_PORT } from "./registers.js";
import { type QuantType, type QuantValues, toHexBeats } from "./vectors.js";

/** Images as input integers and the outputs that the integer network gives for them, image after image. */
export type TestVectors = {
  readonly count: number;
  readonly inputs: QuantValues;
  readonly outputs: QuantValues;
  /** Network whose values are written into the registers, if the front has any; default the front's own. */
  readonly network?: QuantNetwork;
};

/** Name of the testbench module. */
export const TESTBENCH_MODULE = "ffe_tb";
/** Images that it feeds: a pixel a line, channel 0 lowest. */
export const VECTORS_FILE = `${TESTBENCH_MODULE}_input.hex`;

function hex(type: QuantType, values: QuantValues, count: number, what: string): string {
  const { channels, beats, bits } = streamOf(type);
  if (values.length !== count * beats * channels) {
    throw new FixynnError("FX5030", `${values.length} ${what} values are not ${count} frames`, {
      place: "test vectors",
    });
  }
  return toHexBeats(values, channels, bits);
}

/** What the testbench says where the front has registers, and their values: a line a word, its address above it. */
function registerLoading(
  map: RegisterMap | undefined,
  network: QuantNetwork,
): {
  readonly parameters: string;
  readonly signals: string;
  readonly connections: string;
  readonly steps: string;
  readonly files: readonly (readonly [string, string])[];
} {
  if (map === undefined) return { parameters: "", signals: "", connections: "", steps: "", files: [] };
  const { writes } = registerWrites(map, network)!;
  const lines = writes.map(({ address, data }) =>
    ((BigInt(address) << BigInt(map.dataBits)) | BigInt(`0x${data}`)).toString(16),
  );
  const file = `${TESTBENCH_MODULE}_registers.hex`;
  return {
    parameters: `
  localparam int REGISTERS = ${writes.length};
  localparam int ADDRESS_BITS = ${map.addressBits};
  localparam int DATA_BITS = ${map.dataBits};`,
    signals: `
  logic [ADDRESS_BITS+DATA_BITS-1:0] registers [REGISTERS];
  logic cfg_valid = 1'b0;
  logic [ADDRESS_BITS-1:0] cfg_address = '0;
  logic [DATA_BITS-1:0] cfg_data = '0;`,
    connections: `
    .${TOP_PORT}_valid(cfg_valid),
    .${TOP_PORT}_address(cfg_address),
    .${TOP_PORT}_data(cfg_data),`,
    steps: `
    $readmemh("${file}", registers);
    for (int i = 0; i < REGISTERS; i++) begin
      @(negedge clk);
      cfg_valid = 1'b1;
      {cfg_address, cfg_data} = registers[i];
    end
    @(negedge clk);
    cfg_valid = 1'b0;`,
    files: [[file, `${lines.join("\n")}\n`]],
  };
}

/**
 * Emit the self-checking testbench and its vectors. Plusargs: `+seed=N` and `+stall=P` (per cent of cycles in which each side
 * pauses, default 25). Prints `PASS …` or `FAIL …` with the first mismatch, and ends by $finish or $fatal.
 *
 * @throws FixynnError FX5030 when the vectors do not fit the front
 */
export function emitTestbench(front: FrontEnd, vectors: TestVectors): ReadonlyMap<string, string> {
  const [input, output] = [streamOf(front.input), streamOf(front.output)];
  const loading = registerLoading(front.registers, vectors.network ?? front.network);
  const text = `// Self-checking testbench of ${TOP_MODULE}: ${vectors.count} real images, random pauses on both sides.
// Plusargs: +seed=N, +stall=PERCENT (default 25; 0 runs at full speed).
module ${TESTBENCH_MODULE};
  localparam int FRAMES = ${vectors.count};
  localparam int IN_BEATS = ${input.beats};
  localparam int OUT_BEATS = ${output.beats};
  localparam int IN_BITS = ${input.channels * input.bits};
  localparam int VALUES = ${output.channels};
  localparam int BITS = ${output.bits};
  localparam int PATIENCE = ${Math.max(100_000, 4 * front.cyclesPerFrame)};${loading.parameters}

  logic clk = 1'b0;
  initial forever #5 clk = ~clk;

  logic [IN_BITS-1:0] stimulus [FRAMES*IN_BEATS];
  logic [VALUES*BITS-1:0] expected [FRAMES*OUT_BEATS];

  logic resetn = 1'b0;
  logic [IN_BITS-1:0] in_data = '0;
  logic in_valid = 1'b0;
  wire in_ready;
  wire [VALUES*BITS-1:0] out_data;
  wire out_valid;
  wire out_last;
  logic out_ready = 1'b0;${loading.signals}

  ${TOP_MODULE} dut (
    .aclk(clk),
    .aresetn(resetn),${loading.connections}
    .s_axis_tdata(in_data),
    .s_axis_tvalid(in_valid),
    .s_axis_tready(in_ready),
    .m_axis_tdata(out_data),
    .m_axis_tvalid(out_valid),
    .m_axis_tready(out_ready),
    .m_axis_tlast(out_last)
  );

  int unsigned random = 32'd1;
  int unsigned stall = 32'd25;

  // Marsaglia 2003: xorshift with 32 bits of state, the same in every simulator.
  function automatic int unsigned xorshift(input int unsigned state);
    int unsigned x;
    x = state;
    x = x ^ (x << 13);
    x = x ^ (x >> 17);
    x = x ^ (x << 5);
    return x;
  endfunction

  int sent = 0;
  int received = 0;
  int mismatches = 0;
  int idle = 0;
  int cycles = 0;

  task automatic check_beat;
    for (int v = 0; v < VALUES; v++) begin
      if (out_data[v*BITS +: BITS] !== expected[received][v*BITS +: BITS]) begin
        if (mismatches == 0)
          $display("FAIL frame %0d pixel %0d channel %0d: got %h, expected %h", received / OUT_BEATS,
            received % OUT_BEATS, v, out_data[v*BITS +: BITS], expected[received][v*BITS +: BITS]);
        mismatches = mismatches + 1;
      end
    end
    if (out_last !== ((received + 1) % OUT_BEATS == 0)) begin
      if (mismatches == 0)
        $display("FAIL frame %0d pixel %0d: tlast is %b", received / OUT_BEATS, received % OUT_BEATS, out_last);
      mismatches = mismatches + 1;
    end
    received = received + 1;
  endtask

  initial begin
    if (!$value$plusargs("seed=%d", random)) random = 32'd1;
    if (random == 32'd0) random = 32'd1;
    if (!$value$plusargs("stall=%d", stall)) stall = 32'd25;
    $readmemh("${TESTBENCH_MODULE}_input.hex", stimulus);
    $readmemh("${TESTBENCH_MODULE}_output.hex", expected);${loading.steps}
    repeat (4) @(negedge clk);
    resetn = 1'b1;
    while (received < FRAMES*OUT_BEATS && idle < PATIENCE) begin
      // Drive between the edges; a valid beat stays until it is taken.
      if (!in_valid && sent < FRAMES*IN_BEATS) begin
        random = xorshift(random);
        if (random % 32'd100 >= stall) begin
          in_valid = 1'b1;
          in_data = stimulus[sent];
        end
      end
      random = xorshift(random);
      out_ready = random % 32'd100 >= stall;
      #1;
      // What the next rising edge will see.
      idle = idle + 1;
      if (out_valid && out_ready) begin
        check_beat();
        idle = 0;
      end
      if (in_valid && in_ready) begin
        sent = sent + 1;
        idle = 0;
        @(posedge clk);
        #1 in_valid = 1'b0;
      end
      @(negedge clk);
      cycles = cycles + 1;
    end
    if (received < FRAMES*OUT_BEATS) begin
      $display("FAIL no beat for %0d cycles after %0d of %0d output beats", idle, received, FRAMES*OUT_BEATS);
      $fatal(1);
    end
    if (mismatches != 0) begin
      $display("FAIL %0d mismatches in %0d values", mismatches, received * VALUES);
      $fatal(1);
    end
    $display("PASS %0d values, %0d frames, %0d cycles", received * VALUES, FRAMES, cycles);
    $finish;
  end
endmodule
`;
  return new Map([
    [`${TESTBENCH_MODULE}.sv`, text],
    [VECTORS_FILE, hex(front.input, vectors.inputs, vectors.count, "input")],
    [`${TESTBENCH_MODULE}_output.hex`, hex(front.output, vectors.outputs, vectors.count, "output")],
    ...loading.files,
  ]);
}
