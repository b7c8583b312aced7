/** Module of the handshake rules that all AXI channels share. */
export const CHANNEL_CHECKER_MODULE = "axi_channel_checker";

/**
 * Text of `axi_channel_checker`: the handshake rules of one channel, after AMBA AXI and ACE (ARM IHI 0022) A3.1 and A3.2.
 *
 * Rules, each printed behind the channel's name: `valid_in_reset`, `unknown` (only simulators with four states can see it), `valid_drops`,
 * `payload_changes`. The checks are clocked `if`s rather than `assert`s, because simulators leave assertions out unless told otherwise.
 */
export const channelChecker = `// Handshake rules of one channel. A violation prints FAIL <NAME>_<rule> and ends the simulation.
module ${CHANNEL_CHECKER_MODULE} #(
  parameter NAME = "channel",
  parameter int WIDTH = 1
) (
  input wire aclk,
  input wire aresetn,
  input wire valid,
  input wire ready,
  input wire [WIDTH-1:0] payload
);
  // As they were at the edge before.
  logic in_reset = 1'b0;
  logic waiting = 1'b0;
  logic [WIDTH-1:0] offered = '0;

  always_ff @(posedge aclk) begin
    in_reset <= !aresetn;
    waiting <= aresetn && valid && !ready;
    offered <= payload;
    if (in_reset && valid !== 1'b0) begin
      $display("FAIL %0s_valid_in_reset at %0t", NAME, $time);
      $fatal(1);
    end
    if (aresetn && !in_reset) begin
      if ($isunknown(valid) || $isunknown(ready)) begin
        $display("FAIL %0s_unknown at %0t", NAME, $time);
        $fatal(1);
      end
      if (waiting && !valid) begin
        $display("FAIL %0s_valid_drops at %0t", NAME, $time);
        $fatal(1);
      end
      if (waiting && payload !== offered) begin
        $display("FAIL %0s_payload_changes at %0t: %h, then %h", NAME, $time, offered, payload);
        $fatal(1);
      end
    end
  end
endmodule
`;

/** Instance of the channel checker for one channel, its signals joined as payload. */
export const channelInstance = (
  channel: string,
  name: string,
  payload: readonly string[],
  width: string,
): string => `  ${CHANNEL_CHECKER_MODULE} #(
    .NAME("${name}"),
    .WIDTH(${width})
  ) u_${channel} (
    .aclk(aclk),
    .aresetn(aresetn),
    .valid(${channel}valid),
    .ready(${channel}ready),
    .payload(${payload.length === 1 ? payload[0] : `{${payload.join(", ")}}`})
  );
`;
