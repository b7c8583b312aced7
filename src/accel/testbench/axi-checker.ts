import { channelInstance } from "./channel-checker.js";

/** Rules of a burst's address, alike for reads and writes. */
const addressRules = (channel: "ar" | "aw"): string => {
  const rule = (name: string, broken: string): string => `        if (${broken}) begin
          $display("FAIL axi_${channel}_${name} at %0t: address %h, length %0d", $time, ${channel}addr, ${channel}len);
          $fatal(1);
        end
`;
  return `      if (${channel}valid) begin
${rule("burst", `${channel}burst !== 2'b01`)}${rule("size", `int'(${channel}size) != $clog2(DATA_BYTES)`)}${rule("alignment", `int'(${channel}addr[11:0]) % DATA_BYTES != 0`)}${rule("length", `int'(${channel}len) >= MAX_BEATS`)}${rule("4kb", `int'(${channel}addr[11:0]) + (int'(${channel}len) + 1) * DATA_BYTES > 4096`)}      end
`;
};

const ports = (channel: "ar" | "aw"): string => `  input wire ${channel}valid,
  input wire ${channel}ready,
  input wire [31:0] ${channel}addr,
  input wire [7:0] ${channel}len,
  input wire [2:0] ${channel}size,
  input wire [1:0] ${channel}burst,
  input wire [ID_WIDTH-1:0] ${channel}id,
  input wire [3:0] ${channel}cache,
  input wire [2:0] ${channel}prot,
`;

const address = (channel: "ar" | "aw"): string =>
  channelInstance(
    channel,
    `axi_${channel}`,
    ["addr", "len", "size", "burst", "id", "cache", "prot"].map((signal) => `${channel}${signal}`),
    "52 + ID_WIDTH",
  );

const fail = (rule: string, broken: string, indent = 6): string => {
  const margin = " ".repeat(indent);
  return `${margin}if (${broken}) begin
${margin}  $display("FAIL ${rule} at %0t", $time);
${margin}  $fatal(1);
${margin}end
`;
};

/**
 * Text of `axi4_checker`: AXI4 with 32-bit addresses and incrementing bursts of whole beats.
 *
 * Rules: handshakes of the five channels (`axi_ar_…` and so on); `axi_ar_burst` (INCR), `axi_ar_size` (a beat is the data's width), `axi_ar_alignment`,
 * `axi_ar_length`, `axi_ar_4kb`, and the same of `aw`; `axi_r_unrequested` (no burst of that id waits), `axi_r_last`; `axi_w_last` (last exactly at the beat that the address
 * says, whichever comes first); `axi_b_early` (before the burst's last beat was taken), `axi_b_unrequested`; `axi_outstanding` (more than DEPTH); once `finished` is high
 * `axi_r_missing`, `axi_w_missing`, `axi_aw_missing`, `axi_b_missing`.
 */
export const axiChecker = `// Rules of AXI4: incrementing bursts of whole beats. A violation prints FAIL <rule> and ends the simulation.
module axi4_checker #(
  parameter int DATA_BYTES = 16,
  parameter int ID_WIDTH = 2,
  // Beats of the longest burst.
  parameter int MAX_BEATS = 256,
  // Bursts that may wait for their end, of each id when they are reads.
  parameter int DEPTH = 64
) (
  input wire aclk,
  input wire aresetn,
  // High at the end, when nothing may be missing.
  input wire finished,
${ports("ar")}  input wire rvalid,
  input wire rready,
  input wire [8*DATA_BYTES-1:0] rdata,
  input wire [1:0] rresp,
  input wire rlast,
  input wire [ID_WIDTH-1:0] rid,
${ports("aw")}  input wire wvalid,
  input wire wready,
  input wire [8*DATA_BYTES-1:0] wdata,
  input wire [DATA_BYTES-1:0] wstrb,
  input wire wlast,
  input wire bvalid,
  input wire bready,
  input wire [1:0] bresp,
  input wire [ID_WIDTH-1:0] bid
);
  localparam int IDS = 2 ** ID_WIDTH;

${address("ar")}
${channelInstance("r", "axi_r", ["rdata", "rresp", "rlast", "rid"], "8 * DATA_BYTES + 3 + ID_WIDTH")}
${address("aw")}
${channelInstance("w", "axi_w", ["wdata", "wstrb", "wlast"], "9 * DATA_BYTES + 1")}
${channelInstance("b", "axi_b", ["bresp", "bid"], "2 + ID_WIDTH")}
  // Reads: of each id, bursts asked for and bursts ended, the lengths between them, and beats of the oldest one.
  int asked [IDS];
  int ended [IDS];
  int read_beats [IDS];
  logic [7:0] read_length [IDS*DEPTH];
  // Writes: addresses and whole bursts of data so far, each with its length; beats of the present one; bursts that are answered.
  int addresses = 0;
  int bursts = 0;
  int write_beats = 0;
  int answers = 0;
  logic [7:0] address_length [DEPTH];
  logic [ID_WIDTH-1:0] address_id [DEPTH];
  logic [7:0] burst_length [DEPTH];
  logic answered [DEPTH];

  // The oldest write of an id that is not answered, among the first \`count\`; -1 without one. Slots hold the last DEPTH
  // addresses, which may be ahead of the first \`count\`.
  function automatic int oldest(input logic [ID_WIDTH-1:0] id, input int count);
    for (int n = addresses > DEPTH ? addresses - DEPTH : 0; n < count; n++)
      if (!answered[n % DEPTH] && address_id[n % DEPTH] == id) return n;
    return -1;
  endfunction

  wire write_taken = awvalid && awready;
  // Length of the burst that the present beat of data belongs to, when its address is there.
  wire length_known = bursts < addresses || write_taken;
  wire [7:0] length_now = bursts < addresses ? address_length[bursts % DEPTH] : awlen;
  // Writes with all their data.
  wire [31:0] whole = addresses < bursts ? addresses : bursts;

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      for (int id = 0; id < IDS; id++) begin
        asked[id] <= 0;
        ended[id] <= 0;
        read_beats[id] <= 0;
      end
      addresses <= 0;
      bursts <= 0;
      write_beats <= 0;
      answers <= 0;
    end else begin
${addressRules("ar")}      if (arvalid && arready) begin
        read_length[int'(arid) * DEPTH + asked[arid] % DEPTH] <= arlen;
        asked[arid] <= asked[arid] + 1;
      end
${fail("axi_outstanding", "asked[arid] - ended[arid] > DEPTH || addresses - answers > DEPTH")}      if (rvalid) begin
${fail("axi_r_unrequested", "asked[rid] == ended[rid]", 8)}${fail(
  "axi_r_last",
  "rlast !== (read_beats[rid] == int'(read_length[int'(rid) * DEPTH + ended[rid] % DEPTH]))",
  8,
)}        if (rready) begin
          ended[rid] <= ended[rid] + int'(rlast);
          read_beats[rid] <= rlast ? 0 : read_beats[rid] + 1;
        end
      end
${addressRules("aw")}      if (write_taken) begin
        address_length[addresses % DEPTH] <= awlen;
        address_id[addresses % DEPTH] <= awid;
        answered[addresses % DEPTH] <= 1'b0;
        addresses <= addresses + 1;
        // Data that came before their address.
${fail("axi_w_last", "addresses < bursts && burst_length[addresses % DEPTH] != awlen", 8)}${fail(
  "axi_w_last",
  "addresses == bursts && write_beats > int'(awlen)",
  8,
)}      end
      if (wvalid && wready) begin
${fail("axi_w_last", "length_known ? wlast !== (write_beats == int'(length_now)) : !wlast && write_beats == MAX_BEATS - 1", 8)}        burst_length[bursts % DEPTH] <= 8'(write_beats);
        bursts <= bursts + int'(wlast);
        write_beats <= wlast ? 0 : write_beats + 1;
      end
      if (bvalid) begin
        if (oldest(bid, int'(whole)) < 0) begin
          if (oldest(bid, addresses) < 0) $display("FAIL axi_b_unrequested at %0t", $time);
          else $display("FAIL axi_b_early at %0t", $time);
          $fatal(1);
        end
        if (bready) begin
          answered[oldest(bid, int'(whole)) % DEPTH] <= 1'b1;
          answers <= answers + 1;
        end
      end
      if (finished) begin
        for (int id = 0; id < IDS; id++) begin
${fail("axi_r_missing", "asked[id] != ended[id]", 10)}        end
${fail("axi_w_missing", "bursts < addresses", 8)}${fail("axi_aw_missing", "addresses < bursts || write_beats != 0", 8)}${fail(
  "axi_b_missing",
  "answers < addresses",
  8,
)}      end
    end
  end
endmodule
`;
