import { channelInstance } from "./channel-checker.js";

/** Text of `axi4_stream_checker`: the handshake rules of a stream, named `axis_…`. */
export const streamChecker = `// Rules of an AXI4-Stream. A violation prints FAIL <rule> and ends the simulation.
module axi4_stream_checker #(
  parameter int WIDTH = 8
) (
  input wire aclk,
  input wire aresetn,
  input wire tvalid,
  input wire tready,
  input wire [WIDTH-1:0] tdata
);
${channelInstance("t", "axis", ["tdata"], "WIDTH")}endmodule
`;

/**
 * Text of `axi4_lite_checker`: handshake rules of the five channels (`axil_aw_…`, `axil_w_…`, `axil_b_…`, `axil_ar_…`, `axil_r_…`), and
 * `axil_b_unrequested`, `axil_r_unrequested` (a response before or without its request), `axil_b_response`, `axil_r_response` (an exclusive access is
 * answered), and once `finished` is high `axil_b_missing`, `axil_r_missing`.
 */
export const liteChecker = `// Rules of AXI4-Lite, 32 bits of data. A violation prints FAIL <rule> and ends the simulation.
module axi4_lite_checker #(
  parameter int ADDRESS_WIDTH = 8
) (
  input wire aclk,
  input wire aresetn,
  // High at the end, when no response may be missing.
  input wire finished,
  input wire awvalid,
  input wire awready,
  input wire [ADDRESS_WIDTH-1:0] awaddr,
  input wire wvalid,
  input wire wready,
  input wire [31:0] wdata,
  input wire [3:0] wstrb,
  input wire bvalid,
  input wire bready,
  input wire [1:0] bresp,
  input wire arvalid,
  input wire arready,
  input wire [ADDRESS_WIDTH-1:0] araddr,
  input wire rvalid,
  input wire rready,
  input wire [31:0] rdata,
  input wire [1:0] rresp
);
${channelInstance("aw", "axil_aw", ["awaddr"], "ADDRESS_WIDTH")}
${channelInstance("w", "axil_w", ["wdata", "wstrb"], "36")}
${channelInstance("b", "axil_b", ["bresp"], "2")}
${channelInstance("ar", "axil_ar", ["araddr"], "ADDRESS_WIDTH")}
${channelInstance("r", "axil_r", ["rdata", "rresp"], "34")}
  // Requests and data that are not answered yet.
  int addresses = 0;
  int data = 0;
  int reads = 0;

  always_ff @(posedge aclk) begin
    if (!aresetn) begin
      addresses <= 0;
      data <= 0;
      reads <= 0;
    end else begin
      addresses <= addresses + int'(awvalid && awready) - int'(bvalid && bready);
      data <= data + int'(wvalid && wready) - int'(bvalid && bready);
      reads <= reads + int'(arvalid && arready) - int'(rvalid && rready);
      // A response comes at the earliest in the cycle after its request was taken.
      if (bvalid && (addresses == 0 || data == 0)) begin
        $display("FAIL axil_b_unrequested at %0t", $time);
        $fatal(1);
      end
      if (rvalid && reads == 0) begin
        $display("FAIL axil_r_unrequested at %0t", $time);
        $fatal(1);
      end
      if (bvalid && bresp == 2'b01) begin
        $display("FAIL axil_b_response at %0t", $time);
        $fatal(1);
      end
      if (rvalid && rresp == 2'b01) begin
        $display("FAIL axil_r_response at %0t", $time);
        $fatal(1);
      end
      if (finished && (addresses != 0 || data != 0)) begin
        $display("FAIL axil_b_missing at the end: %0d addresses and %0d words wait", addresses, data);
        $fatal(1);
      end
      if (finished && reads != 0) begin
        $display("FAIL axil_r_missing at the end: %0d reads wait", reads);
        $fatal(1);
      end
    end
  end
endmodule
`;
