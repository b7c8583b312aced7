/** Tasks of the testbench that drive the AXI4-Lite port at falling edges, with random pauses and the two write channels in any order. */
export const registerDriver = `  int unsigned random = 32'd1;
  int unsigned stall = 32'd25;
  logic [4:0] ready_after_valid = 5'd0;
  int unsigned register_moves = 32'd0;

  // Marsaglia 2003: xorshift with 32 bits of state, the same in every simulator.
  function automatic int unsigned xorshift(input int unsigned state);
    int unsigned x;
    x = state;
    x = x ^ (x << 13);
    x = x ^ (x >> 17);
    x = x ^ (x << 5);
    return x;
  endfunction

  // Whether the registers' side moves in this cycle.
  task automatic moving(output logic yes);
    random = xorshift(random);
    yes = random % 32'd100 >= stall;
  endtask

  task automatic write_register(input logic [7:0] address, input logic [31:0] data);
    logic address_left;
    logic data_left;
    logic address_taken;
    logic data_taken;
    logic answered;
    logic answer_seen;
    logic yes;
    phase = $sformatf("writing register %h", address);
    {address_left, data_left} = 2'b11;
    {address_taken, data_taken, answered, answer_seen} = 4'b0000;
    while (!answered) begin
      @(negedge clk);
      if (address_taken) s_axil_awvalid = 1'b0;
      if (data_taken) s_axil_wvalid = 1'b0;
      moving(yes);
      if (address_left && yes) begin
        s_axil_awvalid = 1'b1;
        s_axil_awaddr = address;
        address_left = 1'b0;
      end
      moving(yes);
      if (data_left && yes) begin
        s_axil_wvalid = 1'b1;
        s_axil_wdata = data;
        data_left = 1'b0;
      end
      moving(yes);
      s_axil_bready = yes && (!ready_after_valid[3] || answer_seen);
      #1;
      // What the next rising edge will see.
      address_taken = s_axil_awvalid && s_axil_awready;
      data_taken = s_axil_wvalid && s_axil_wready;
      answered = s_axil_bvalid && s_axil_bready;
      answer_seen = s_axil_bvalid && !s_axil_bready;
      register_moves = register_moves + 32'(address_taken) + 32'(data_taken) + 32'(answered);
      if (answered && s_axil_bresp != 2'b00) begin
        $display("FAIL register_write_response %h: %b", address, s_axil_bresp);
        $fatal(1);
      end
    end
    @(negedge clk);
    {s_axil_awvalid, s_axil_wvalid, s_axil_bready} = 3'b000;
    phase = "idle";
  endtask

  task automatic read_register(input logic [7:0] address, output logic [31:0] data);
    logic address_left;
    logic address_taken;
    logic answered;
    logic answer_seen;
    logic yes;
    phase = $sformatf("reading register %h", address);
    address_left = 1'b1;
    {address_taken, answered, answer_seen} = 3'b000;
    data = '0;
    while (!answered) begin
      @(negedge clk);
      if (address_taken) s_axil_arvalid = 1'b0;
      moving(yes);
      if (address_left && yes) begin
        s_axil_arvalid = 1'b1;
        s_axil_araddr = address;
        address_left = 1'b0;
      end
      moving(yes);
      s_axil_rready = yes && (!ready_after_valid[4] || answer_seen);
      #1;
      address_taken = s_axil_arvalid && s_axil_arready;
      answered = s_axil_rvalid && s_axil_rready;
      answer_seen = s_axil_rvalid && !s_axil_rready;
      register_moves = register_moves + 32'(address_taken) + 32'(answered);
      if (answered) begin
        data = s_axil_rdata;
        if (s_axil_rresp != 2'b00) begin
          $display("FAIL register_read_response %h: %b", address, s_axil_rresp);
          $fatal(1);
        end
      end
    end
    @(negedge clk);
    {s_axil_arvalid, s_axil_rready} = 2'b00;
    phase = "idle";
  endtask

  task automatic expect_register(input logic [7:0] address, input logic [31:0] expected_value);
    logic [31:0] value;
    read_register(address, value);
    if (value !== expected_value) begin
      $display("FAIL register %h: got %h, expected %h", address, value, expected_value);
      $fatal(1);
    end
  endtask

  task automatic print_register(input string name, input logic [7:0] address);
    logic [31:0] value;
    read_register(address, value);
    $display("%s %0d", name, value);
  endtask
`;
