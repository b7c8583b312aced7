import { ENGINE_ID, engineRegisters } from "../registers.js";
import { MEMORY_MODULE } from "./memory.js";
import { memoryPorts, registerPorts, type SystemPort, streamPorts } from "./ports.js";
import { registerDriver } from "./register-driver.js";
import {
  contentsFile,
  expectedFile,
  STREAM_FILE,
  SYSTEM_TESTBENCH,
  type SystemTask,
  type SystemTestbench,
} from "./system-types.js";

const hex = (value: number, bits: number): string => `${bits}'h${value.toString(16).padStart(bits / 4, "0")}`;
const registerAt = (name: keyof typeof engineRegisters): string => hex(engineRegisters[name].at, 8);

/** Counters that are printed behind each task, by the names they are printed with. */
const COUNTERS = {
  CYCLES: "cycles",
  STALL_WEIGHTS: "stallWeights",
  STALL_INPUT: "stallInput",
  STALL_TRANSFER: "stallTransfer",
  STALL_DRAIN: "stallDrain",
  READ_BEATS: "readBeats",
  WRITE_BEATS: "writeBeats",
} as const satisfies Record<string, keyof typeof engineRegisters>;

/** The testbench drives the inputs of registers and stream itself; all else are wires. */
function declarations(ports: readonly SystemPort[], driven: boolean): string {
  return ports
    .map(({ name, input, width }) => {
      const range = width === "1" ? "" : `[${width}-1:0] `;
      return driven && input ? `  logic ${range}${name} = '0;` : `  wire ${range}${name};`;
    })
    .join("\n");
}

/** Connections of a checker or of the memory: their ports have no prefix. */
const connections = (ports: readonly SystemPort[], prefix: string, without: readonly string[] = []): string =>
  ports
    .map(({ name }) => name.slice(prefix.length))
    .filter((name) => !without.includes(name))
    .map((name) => `    .${name}(${prefix}${name})`)
    .join(",\n");

const streamDriver = (beats: number): string => `
  logic [8*STREAM_BYTES-1:0] stimulus [${beats}];
  int unsigned gaps = 32'd1;
  int unsigned sent = 32'd0;

  // Frames back to back, with random gaps; between beats the data are wrong.
  initial begin
    logic taken;
    $readmemh("${STREAM_FILE}", stimulus);
    taken = 1'b0;
    // Valid may rise at the earliest at the first edge after reset.
    wait (resetn);
    @(negedge clk);
    while (sent < ${beats}) begin
      @(negedge clk);
      if (taken) s_axis_tvalid = 1'b0;
      if (!s_axis_tvalid) begin
        gaps = xorshift(gaps);
        s_axis_tvalid = gaps % 32'd100 >= stall;
        s_axis_tdata = s_axis_tvalid ? stimulus[sent] : ~stimulus[sent];
      end
      #1;
      taken = s_axis_tvalid && s_axis_tready;
      if (taken) sent = sent + 32'd1;
    end
    @(negedge clk);
    s_axis_tvalid = 1'b0;
  end
`;

const streamCheck = (beats: number): string => `
    if (sent != ${beats}) begin
      $display("FAIL the stream gave %0d of ${beats} beats", sent);
      $fatal(1);
    end`;

/** Steps of one task: registers, interrupt, counters, memory. */
function taskSteps(system: SystemTestbench, task: SystemTask, index: number, firstRegion: number): string {
  const { dataBytes } = system;
  const { frames, programBase, registers = {}, error = 0 } = task;
  const writes = [
    ...Object.entries(registers).map(([name, value]): readonly [keyof typeof engineRegisters, number] => [
      name as keyof typeof engineRegisters,
      value,
    ]),
    ["programBase", programBase] as const,
    ["frames", frames] as const,
    // Start, with the interrupt enabled.
    ["control", 3] as const,
  ];
  const compares = task.expected.map(({ address, bytes }, i) => {
    const beats = Math.ceil(bytes.length / dataBytes);
    return `    compare("${expectedFile(firstRegion + i)}", ${address / dataBytes}, ${beats});`;
  });
  return `
    // Task ${index}
    task_number = ${index};
    first_result = -1;
    started = cycles;
${writes.map(([name, value]) => `    write_register(${registerAt(name)}, ${hex(value, 32)});`).join("\n")}
    wait_for_interrupt();
    read_register(${registerAt("status")}, value);
    if (value[15:8] != 8'd${error}${error === 0 ? " || value[1:0] != 2'b10" : ""}) begin
      $display("FAIL task ${index}: status %h", value);
      $fatal(1);
    end
    $display("TASK ${index}: %0d cycles from the first register write to the interrupt, %0d to the first result",
      finished_at - started, first_result);
${Object.entries(COUNTERS)
  .map(([name, register]) => `    print_register("${name}", ${registerAt(register)});`)
  .join("\n")}${error === 0 ? `\n    expect_register(${registerAt("framesDone")}, 32'd${frames});` : ""}
    read_register(${registerAt("interrupt")}, value);
    if (value[1:0] != 2'b${error === 0 ? "01" : "10"}) begin
      $display("FAIL task ${index}: interrupt register %h", value);
      $fatal(1);
    end
    write_register(${registerAt("interrupt")}, value);
    @(negedge clk);
    if (irq) begin
      $display("FAIL task ${index}: the interrupt stays");
      $fatal(1);
    end
${compares.join("\n")}`;
}

/** Whether an address is one of a task's results. */
function resultCases(tasks: readonly SystemTask[]): string {
  return tasks
    .map(({ expected }, i) => {
      const inside = expected.map(({ address, bytes }) => {
        const last = `address < ${hex(address + bytes.length, 32)}`;
        return address === 0 ? `(${last})` : `(address >= ${hex(address, 32)} && ${last})`;
      });
      return `      ${i}: return ${inside.length === 0 ? "1'b0" : inside.join(" ||\n        ")};`;
    })
    .join("\n");
}

/** What the watchdog blames when a channel's ready waits for valid and valid does not come. */
const waitsForReady = (["axi_ar", "axi_aw", "axi_w", "axil_b", "axil_r"] as const)
  .map((channel, bit) => {
    const valid = `${channel.replace("axi_", "m_axi_").replace("axil_", "s_axil_")}valid`;
    return `    if (ready_after_valid[${bit}] && !${valid}) $display("FAIL ${channel}_valid_waits_for_ready");`;
  })
  .join("\n");

const channelStates = (stream: boolean): string => {
  const channels = [...["aw", "w", "b", "ar", "r"].map((name) => `s_axil_${name}`)];
  channels.push(...["ar", "r", "aw", "w", "b"].map((name) => `m_axi_${name}`));
  if (stream) channels.push("s_axis_t");
  return channels
    .map((name) => `    $display("  ${name}valid %b, ${name}ready %b", ${name}valid, ${name}ready);`)
    .join("\n");
};

/** Text of the testbench. */
export function systemText(system: SystemTestbench, memoryBytes: number): string {
  const { dataBytes, burstBeats = 256, contents, tasks, stream, patienceCycles = 1_000_000 } = system;
  const ports = [...registerPorts, ...memoryPorts, ...(stream === null ? [] : streamPorts)];
  const expected = tasks.flatMap((task) => task.expected);
  const longest = Math.max(1, ...expected.map(({ bytes }) => Math.ceil(bytes.length / dataBytes)));
  const beats = stream === null ? 0 : stream.bytes.length / stream.beatBytes;
  const loads = contents.map(({ address, bytes }, i) => {
    const [first, count] = [address / dataBytes, Math.ceil(bytes.length / dataBytes)];
    return `    $readmemh("${contentsFile(i)}", u_memory.words, ${first}, ${first + count - 1});`;
  });
  let region = 0;
  const steps = tasks.map((task, i) => {
    const text = taskSteps(system, task, i, region);
    region += task.expected.length;
    return text;
  });
  const compared = expected.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return `// Self-checking testbench of ${system.module} and its memory: ${tasks.length} task(s), random pauses on all ports.
// Plusargs: see ${MEMORY_MODULE}.sv; +seed=N, +stall=PERCENT (default 25; 0 runs at full speed), +latency=CYCLES and so on.
// +ready_after_valid bits 3 and 4: the registers' write and read responses.
module ${SYSTEM_TESTBENCH};
  localparam int DATA_BYTES = ${dataBytes};${stream === null ? "" : `\n  localparam int STREAM_BYTES = ${stream.beatBytes};`}
  localparam int WORDS = ${memoryBytes / dataBytes};
  localparam int PATIENCE = ${patienceCycles};

  logic clk = 1'b0;
  initial forever #5 clk = ~clk;

  logic resetn = 1'b0;
  logic finished = 1'b0;
  wire irq;
${declarations(registerPorts, true)}
${declarations(memoryPorts, false)}${stream === null ? "" : `\n${declarations(streamPorts, true)}`}

  ${system.module} dut (
    .aclk(clk),
    .aresetn(resetn),
    .irq(irq),
${connections(ports, "")}
  );

  wire [31:0] memory_moves;
  wire [31:0] memory_waiting;
  wire [31:0] memory_writes;
  wire [31:0] write_address;
  ${MEMORY_MODULE} #(
    .DATA_BYTES(DATA_BYTES),
    .WORDS(WORDS)
  ) u_memory (
    .aclk(clk),
    .aresetn(resetn),
    .moves(memory_moves),
    .waiting(memory_waiting),
    .writes(memory_writes),
    .write_address(write_address),
${connections(memoryPorts, "m_axi_", ["awlen", "arsize", "arburst", "arcache", "arprot", "awsize", "awburst", "awcache", "awprot"])}
  );

  axi4_checker #(
    .DATA_BYTES(DATA_BYTES),
    .MAX_BEATS(${burstBeats})
  ) u_memory_port (
    .aclk(clk),
    .aresetn(resetn),
    .finished(finished),
${connections(memoryPorts, "m_axi_")}
  );

  axi4_lite_checker u_register_port (
    .aclk(clk),
    .aresetn(resetn),
    .finished(finished),
${connections(registerPorts, "s_axil_")}
  );
${
  stream === null
    ? ""
    : `
  axi4_stream_checker #(
    .WIDTH(8 * STREAM_BYTES)
  ) u_stream_port (
    .aclk(clk),
    .aresetn(resetn),
${connections(streamPorts, "s_axis_")}
  );
`
}
  // Where it is, for the watchdog.
  string phase = "reset";
  int task_number = 0;
  int unsigned cycles = 32'd0;
  int unsigned started = 32'd0;
  int unsigned finished_at = 32'd0;
  int first_result = -1;
  int mismatches = 0;

${registerDriver}${stream === null ? "" : streamDriver(beats)}
  function automatic logic is_result(input int index, input logic [31:0] address);
    case (index)
${resultCases(tasks)}
      default: return 1'b0;
    endcase
  endfunction

  int unsigned moves_before = 32'd0;
  int unsigned writes_before = 32'd0;
  int unsigned idle = 32'd0;
  wire [31:0] moves = memory_moves + register_moves${stream === null ? "" : " + sent"};

  task automatic give_up;
    $display("no handshake for %0d cycles: task %0d, %s, interrupt %b, %0d bursts wait", idle, task_number, phase,
      irq, memory_waiting);
    $display("  ${stream === null ? "" : "%0d of "}%0d${stream === null ? "" : ` beats of the stream sent, %0d`} handshakes of the memory port, %0d beats written",${stream === null ? "" : ` sent, ${beats},`}
      memory_moves, memory_writes);
${channelStates(stream !== null)}
${waitsForReady}
    $display("FAIL watchdog");
    $fatal(1);
  endtask

  // Between the edges, when what moves at the next rising edge is known.
  initial forever begin
    @(negedge clk);
    #2;
    cycles = cycles + 32'd1;
    idle = moves == moves_before ? idle + 32'd1 : 32'd0;
    moves_before = moves;
    if (memory_writes != writes_before && first_result < 0 && is_result(task_number, write_address))
      first_result = int'(cycles - started);
    writes_before = memory_writes;
    if (idle > PATIENCE) give_up();
  end

  task automatic wait_for_interrupt;
    phase = "waiting for the interrupt";
    @(negedge clk);
    while (!irq) @(negedge clk);
    finished_at = cycles;
    phase = "idle";
  endtask

  // A beat as it shall be, and a bit a byte that says whether it matters.
  logic [9*DATA_BYTES-1:0] expected [${longest}];

  task automatic compare(input string file, input int first, input int beats);
    logic [8*DATA_BYTES-1:0] word;
    $readmemh(file, expected, 0, beats - 1);
    for (int i = 0; i < beats; i++) begin
      word = u_memory.words[first + i];
      for (int j = 0; j < DATA_BYTES; j++) begin
        if (expected[i][8*DATA_BYTES+j] && word[8*j+:8] !== expected[i][8*j+:8]) begin
          if (mismatches == 0)
            $display("FAIL task %0d, address %h: got %h, expected %h", task_number,
              32'((first + i) * DATA_BYTES + j), word[8*j+:8], expected[i][8*j+:8]);
          mismatches = mismatches + 1;
        end
      end
    end
  endtask

  initial begin
    logic [31:0] value;
    if (!$value$plusargs("seed=%d", random)) random = 32'd1;
    random = random * 32'd747796405 + 32'd1;
    if (random == 32'd0) random = 32'd1;${stream === null ? "" : "\n    gaps = ~random == 32'd0 ? 32'd1 : ~random;"}
    if (!$value$plusargs("stall=%d", stall)) stall = 32'd25;
    if (!$value$plusargs("ready_after_valid=%d", ready_after_valid)) ready_after_valid = 5'd0;
    for (int i = 0; i < WORDS; i++) u_memory.words[i] = '0;
${loads.join("\n")}
    s_axil_wstrb = 4'b1111;
    repeat (8) @(negedge clk);
    resetn = 1'b1;
    repeat (2) @(negedge clk);
    if (irq) begin
      $display("FAIL an interrupt after reset");
      $fatal(1);
    end
    expect_register(${registerAt("id")}, ${hex(ENGINE_ID, 32)});
${steps.join("\n")}
    phase = "end";
    repeat (16) @(negedge clk);
    finished = 1'b1;
    repeat (2) @(negedge clk);${stream === null ? "" : streamCheck(beats)}
    if (mismatches != 0) begin
      $display("FAIL %0d mismatches in ${compared} bytes", mismatches);
      $fatal(1);
    end
    $display("PASS ${compared} bytes, ${tasks.length} tasks, %0d cycles", cycles);
    $finish;
  end
endmodule
`;
}
