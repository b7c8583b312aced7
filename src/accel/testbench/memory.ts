/** Module of the memory behind the engine's AXI4 port. */
export const MEMORY_MODULE = "axi_memory";

/**
 * Text of `axi_memory`: an AXI4 slave with a flat memory from address 0 on, which acts at falling edges.
 *
 * Timing: a burst's first beat, and a write's response, can be taken `latency` cycles after the address, or the last beat of data, was taken, with up to `jitter`
 * random cycles more. Bursts are answered in the order of their addresses, a beat a cycle; with `+reorder=1` beats of different ids are
 * interleaved at random. Data are taken a beat a cycle, before their address too. `+bandwidth=N` limits reads and writes together to N/16 bytes a cycle. Every channel pauses in
 * `stall` per cent of the cycles.
 */
export const axiMemory = `// AXI4 memory with seeded random latency and pauses. It acts at falling edges.
// Plusargs: +seed=N, +stall=PERCENT (default 25), +latency=CYCLES (20), +jitter=CYCLES (latency; 0 without stalls),
// +reorder=0|1 (1; 0 without stalls), +bandwidth=SIXTEENTHS of a byte a cycle (0: a beat a cycle each way),
// +ready_after_valid=MASK: ready only after valid was seen; bit 0 AR, 1 AW, 2 W, 5 AW only after W,
// 6 W only after AW.
module ${MEMORY_MODULE} #(
  parameter int DATA_BYTES = 16,
  parameter int WORDS = 1024
) (
  input wire aclk,
  input wire aresetn,
  input wire arvalid,
  output logic arready,
  input wire [31:0] araddr,
  input wire [7:0] arlen,
  input wire [1:0] arid,
  output logic rvalid,
  input wire rready,
  output logic [8*DATA_BYTES-1:0] rdata,
  output logic [1:0] rresp,
  output logic rlast,
  output logic [1:0] rid,
  input wire awvalid,
  output logic awready,
  input wire [31:0] awaddr,
  input wire [1:0] awid,
  input wire wvalid,
  output logic wready,
  input wire [8*DATA_BYTES-1:0] wdata,
  input wire [DATA_BYTES-1:0] wstrb,
  input wire wlast,
  output logic bvalid,
  input wire bready,
  output logic [1:0] bresp,
  output logic [1:0] bid,
  // Handshakes so far, bursts that wait for their end, and the address of the beat written last.
  output int unsigned moves,
  output int unsigned waiting,
  output int unsigned writes,
  output logic [31:0] write_address
);
  localparam int DEPTH = 64;
  localparam int SHIFT = $clog2(DATA_BYTES);
  localparam int BEAT = 16 * DATA_BYTES;

  logic [8*DATA_BYTES-1:0] words [WORDS];

  int unsigned random;
  int unsigned stall;
  int unsigned latency;
  int unsigned jitter;
  int unsigned reorder;
  int unsigned bandwidth;
  int unsigned ready_after_valid;
  logic ar_waits;
  logic aw_waits;
  logic w_waits;
  logic aw_waits_for_w;
  logic w_waits_for_aw;

  // Marsaglia 2003: xorshift with 32 bits of state, the same in every simulator.
  task automatic draw;
    random = random ^ (random << 13);
    random = random ^ (random >> 17);
    random = random ^ (random << 5);
  endtask

  // Whether a channel moves in this cycle.
  task automatic moving(output logic yes);
    draw();
    yes = random % 32'd100 >= stall;
  endtask

  // Cycle in which an answer can be taken.
  task automatic answer_at(output int unsigned cycle);
    draw();
    cycle = now + latency + random % (jitter + 32'd1);
  endtask

  int unsigned now;
  int unsigned credit;
  // Bursts to read, of each id: numbers of the first and of the next one, then address, beats left, cycle and rank of each.
  int unsigned first [4];
  int unsigned next [4];
  logic [31:0] read_address [4*DEPTH];
  int unsigned read_left [4*DEPTH];
  int unsigned read_cycle [4*DEPTH];
  int unsigned read_rank [4*DEPTH];
  int unsigned asked;
  // Bursts to write: number of the one that data go to, of the one to be answered, of the next one.
  int unsigned filling;
  int unsigned answering;
  int unsigned addressed;
  logic [31:0] target [DEPTH];
  logic [1:0] target_id [DEPTH];
  int unsigned answer_cycle [DEPTH];
  // Data whose address is not there yet.
  logic [8*DATA_BYTES-1:0] ahead_data [DEPTH];
  logic [DATA_BYTES-1:0] ahead_strobe [DEPTH];
  logic ahead_last [DEPTH];
  int unsigned ahead_first;
  int unsigned ahead_next;
  // What the next rising edge takes.
  logic ar_taken;
  logic r_taken;
  logic aw_taken;
  logic w_taken;
  logic b_taken;
  logic ar_seen;
  logic aw_seen;
  logic w_seen;

  task automatic check_address(input logic [31:0] address);
    if (address >> SHIFT >= 32'(WORDS)) begin
      $display("FAIL memory_address %h at %0t", address, $time);
      $fatal(1);
    end
  endtask

  task automatic clear;
    {arready, rvalid, rlast, awready, wready, bvalid} = '0;
    {rresp, rid, bresp, bid} = '0;
    {ar_taken, r_taken, aw_taken, w_taken, b_taken, ar_seen, aw_seen, w_seen} = '0;
    rdata = '0;
    {credit, asked, filling, answering, addressed, ahead_first, ahead_next} = '0;
    for (int id = 0; id < 4; id++) begin
      first[id] = 0;
      next[id] = 0;
    end
  endtask

  // What the rising edge has taken; the ports of this module still show it, the others' were kept.
  logic [31:0] kept_araddr;
  logic [7:0] kept_arlen;
  logic [1:0] kept_arid;
  logic [31:0] kept_awaddr;
  logic [1:0] kept_awid;
  logic [8*DATA_BYTES-1:0] kept_wdata;
  logic [DATA_BYTES-1:0] kept_wstrb;
  logic kept_wlast;

  // Write one beat to where its burst is.
  task automatic write_beat(input logic [5:0] beat, input logic [5:0] slot);
    check_address(target[slot]);
    for (int i = 0; i < DATA_BYTES; i++)
      if (ahead_strobe[beat][i]) words[target[slot] >> SHIFT][8*i +: 8] = ahead_data[beat][8*i +: 8];
    write_address = target[slot];
    writes = writes + 1;
    target[slot] = target[slot] + DATA_BYTES;
    if (ahead_last[beat]) begin
      answer_at(answer_cycle[slot]);
      filling = filling + 1;
    end
  endtask

  task automatic take;
    logic [7:0] asking;
    logic [5:0] slot;
    if (ar_taken) begin
      asking = {kept_arid, 6'(next[kept_arid])};
      read_address[asking] = kept_araddr;
      read_left[asking] = 32'(kept_arlen) + 32'd1;
      answer_at(read_cycle[asking]);
      read_rank[asking] = asked;
      asked = asked + 1;
      next[kept_arid] = next[kept_arid] + 1;
    end
    if (r_taken) begin
      rvalid = 1'b0;
      if (rlast) first[rid] = first[rid] + 1;
    end
    if (aw_taken) begin
      slot = 6'(addressed);
      target[slot] = kept_awaddr;
      target_id[slot] = kept_awid;
      addressed = addressed + 1;
    end
    if (w_taken) begin
      slot = 6'(ahead_next);
      ahead_data[slot] = kept_wdata;
      ahead_strobe[slot] = kept_wstrb;
      ahead_last[slot] = kept_wlast;
      ahead_next = ahead_next + 1;
      credit = credit - (bandwidth == 0 ? 0 : BEAT);
    end
    while (ahead_first != ahead_next && filling != addressed) begin
      write_beat(6'(ahead_first), 6'(filling));
      ahead_first = ahead_first + 1;
    end
    if (b_taken) begin
      bvalid = 1'b0;
      answering = answering + 1;
    end
    moves = moves + 32'(ar_taken) + 32'(r_taken) + 32'(aw_taken) + 32'(w_taken) + 32'(b_taken);
  endtask

  // Which of the bursts of all ids gives the next beat, if any is due.
  task automatic choose(output logic found, output logic [7:0] burst);
    logic [7:0] slot;
    logic [1:0] id;
    found = 1'b0;
    burst = '0;
    for (int i = 0; i < 4; i++) begin
      // With reordering the first due one from a random id on, else the one that was asked for first.
      id = reorder == 0 ? 2'(i) : 2'(i) + random[17:16];
      slot = {id, 6'(first[id])};
      if (first[id] != next[id] && (reorder == 0 || read_cycle[slot] <= now + 1)
          && (!found || (reorder == 0 && read_rank[slot] < read_rank[burst]))) begin
        found = 1'b1;
        burst = slot;
      end
    end
    if (read_cycle[burst] > now + 1) found = 1'b0;
  endtask

  task automatic drive;
    logic yes;
    logic found;
    logic [7:0] slot;
    moving(yes);
    arready = yes && (!ar_waits || ar_seen) && next[0] + next[1] + next[2] + next[3]
      - first[0] - first[1] - first[2] - first[3] < DEPTH;
    moving(yes);
    awready = yes && (!aw_waits || aw_seen)
      && (!aw_waits_for_w || (aw_seen && (w_seen || ahead_first != ahead_next)))
      && addressed - answering < DEPTH;
    if (bandwidth != 0) credit = credit + bandwidth > 2 * BEAT ? 2 * BEAT : credit + bandwidth;
    moving(yes);
    if (!rvalid) begin
      choose(found, slot);
      if (found && yes && (bandwidth == 0 || credit >= BEAT)) begin
        check_address(read_address[slot]);
        rvalid = 1'b1;
        rid = slot[7:6];
        rdata = words[read_address[slot] >> SHIFT];
        rlast = read_left[slot] == 1;
        read_address[slot] = read_address[slot] + DATA_BYTES;
        read_left[slot] = read_left[slot] - 1;
        if (bandwidth != 0) credit = credit - BEAT;
      end
    end
    moving(yes);
    wready = yes && (!w_waits || w_seen) && (!w_waits_for_aw || filling != addressed)
      && ahead_next - ahead_first < DEPTH && (bandwidth == 0 || credit >= BEAT);
    moving(yes);
    if (!bvalid && yes && answering != filling && answer_cycle[6'(answering)] <= now + 1) begin
      bvalid = 1'b1;
      bid = target_id[6'(answering)];
    end
  endtask

  initial begin
    if (!$value$plusargs("seed=%d", random)) random = 32'd1;
    // Near seeds shall give sequences of their own.
    random = random * 32'd2654435769 + 32'd1;
    if (random == 32'd0) random = 32'd1;
    if (!$value$plusargs("stall=%d", stall)) stall = 32'd25;
    if (!$value$plusargs("latency=%d", latency)) latency = 32'd20;
    if (latency == 32'd0) latency = 32'd1;
    if (!$value$plusargs("jitter=%d", jitter)) jitter = stall == 32'd0 ? 32'd0 : latency;
    if (!$value$plusargs("reorder=%d", reorder)) reorder = stall == 32'd0 ? 32'd0 : 32'd1;
    if (!$value$plusargs("bandwidth=%d", bandwidth)) bandwidth = 32'd0;
    if (!$value$plusargs("ready_after_valid=%d", ready_after_valid)) ready_after_valid = 32'd0;
    ar_waits = 1'(ready_after_valid);
    aw_waits = 1'(ready_after_valid >> 1);
    w_waits = 1'(ready_after_valid >> 2);
    aw_waits_for_w = 1'(ready_after_valid >> 5);
    w_waits_for_aw = 1'(ready_after_valid >> 6);
    {now, moves, writes} = '0;
    write_address = '0;
    clear();
    forever begin
      @(negedge aclk);
      now = now + 1;
      if (!aresetn) clear();
      else begin
        take();
        drive();
      end
      #1;
      // What the next rising edge will see.
      ar_taken = arvalid && arready;
      r_taken = rvalid && rready;
      aw_taken = awvalid && awready;
      w_taken = wvalid && wready;
      b_taken = bvalid && bready;
      ar_seen = arvalid && !arready;
      aw_seen = awvalid && !awready;
      w_seen = wvalid && !wready;
      kept_araddr = araddr;
      kept_arlen = arlen;
      kept_arid = arid;
      kept_awaddr = awaddr;
      kept_awid = awid;
      kept_wdata = wdata;
      kept_wstrb = wstrb;
      kept_wlast = wlast;
      waiting = asked - first[0] - first[1] - first[2] - first[3] + addressed - answering;
    end
  end
endmodule
`;
