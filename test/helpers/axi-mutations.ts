import { memoryPorts, registerPorts, type SystemPort, streamPorts } from "../../src/accel/testbench/ports.js";
import { STAND_IN_BYTES } from "./stand-in-engine.js";

/** A broken rule, and how it comes about. */
export type AxiMutation = {
  /** Value of the plusarg `+mutation=`. */
  readonly number: number;
  /** What must be printed behind FAIL. */
  readonly rule: string;
  readonly plusargs: readonly string[];
};

const ports = [...registerPorts, ...memoryPorts, ...streamPorts];
const channels = [
  "s_axil_aw",
  "s_axil_w",
  "s_axil_b",
  "s_axil_ar",
  "s_axil_r",
  "m_axi_ar",
  "m_axi_r",
  "m_axi_aw",
  "m_axi_w",
  "m_axi_b",
  "s_axis_t",
] as const;
type Channel = (typeof channels)[number];

/** Channels whose receiver in the stand-in is always ready: the wrapper is not, every other cycle, so that something waits. */
const slowed: readonly Channel[] = ["m_axi_r", "m_axi_b", "s_axil_ar"];

/** Bits of +ready_after_valid. */
const waitBits: Partial<Record<Channel, number>> = {
  m_axi_ar: 0,
  m_axi_aw: 1,
  m_axi_w: 2,
  s_axil_b: 3,
  s_axil_r: 4,
};

const ruleName = (channel: Channel): string =>
  channel === "s_axis_t" ? "axis" : channel.replace("m_axi_", "axi_").replace("s_axil_", "axil_");
const payloadOf = (channel: Channel): readonly SystemPort[] => {
  const others = channels.filter((name) => name !== channel && name.startsWith(channel));
  return ports.filter(
    ({ name }) =>
      name.startsWith(channel) &&
      !others.some((other) => name.startsWith(other)) &&
      name !== `${channel}valid` &&
      name !== `${channel}ready`,
  );
};

/** Mutations of one signal while `when` holds: the value that is seen instead of the right one. */
type Change = {
  readonly rule: string;
  readonly signal: string;
  readonly when: string;
  readonly value: string;
  readonly plusargs?: readonly string[];
};

/** A burst's address that is wrong in one way. */
const addressChanges = (channel: "ar" | "aw"): readonly Change[] => {
  const change = (rule: string, signal: string, value: string): Change => ({
    rule: `axi_${channel}_${rule}`,
    signal: `m_axi_${channel}${signal}`,
    when: "1'b1",
    value,
  });
  return [
    change("burst", "burst", "2'b10"),
    change("size", "size", "3'd1"),
    change("alignment", "addr", `right_m_axi_${channel}addr | 32'd2`),
    change("length", "len", "8'd4"),
    change("4kb", "addr", `right_m_axi_${channel}addr | 32'hff8`),
  ];
};

/** The address of writes is held back until so many beats of data are taken. */
const addressLate = (beats: number): Change => ({
  rule: "",
  signal: "m_axi_awvalid",
  when: `beats_taken < ${beats}`,
  value: "1'b0",
});

const changes: readonly (Change & { readonly with?: Change })[] = [
  ...addressChanges("ar"),
  ...addressChanges("aw"),
  { rule: "axi_r_unrequested", signal: "m_axi_rid", when: "1'b1", value: "2'd3" },
  { rule: "axi_r_last", signal: "m_axi_rlast", when: "1'b1", value: "1'b1" },
  { rule: "axi_r_last", signal: "m_axi_rlast", when: "1'b1", value: "1'b0" },
  { rule: "axi_w_last", signal: "m_axi_wlast", when: "1'b1", value: "1'b1" },
  {
    rule: "axi_w_last",
    signal: "m_axi_wlast",
    when: "1'b1",
    value: "1'b0",
    plusargs: ["+ready_after_valid=64"],
  },
  // Data before their address, and the address then says another length.
  {
    rule: "axi_w_last",
    signal: "m_axi_awlen",
    when: "beats_taken >= 4",
    value: "8'd2",
    with: addressLate(4),
  },
  {
    rule: "axi_w_last",
    signal: "m_axi_awlen",
    when: "beats_taken >= 3",
    value: "8'd1",
    with: addressLate(3),
  },
  // More data than the longest burst before any address.
  { rule: "axi_w_last", signal: "m_axi_wlast", when: "1'b1", value: "1'b0", with: addressLate(9) },
  {
    rule: "axi_b_early",
    signal: "m_axi_bvalid",
    when: "addresses_taken == 1 && lasts_taken == 0",
    value: "1'b1",
  },
  { rule: "axi_b_unrequested", signal: "m_axi_bvalid", when: "age == 10", value: "1'b1" },
  { rule: "axi_r_missing", signal: "finished", when: "reads_taken == 1", value: "1'b1" },
  {
    rule: "axi_w_missing",
    signal: "finished",
    when: "addresses_taken == 1 && lasts_taken == 0",
    value: "1'b1",
  },
  {
    rule: "axi_aw_missing",
    signal: "finished",
    when: "beats_taken == 1",
    value: "1'b1",
    with: addressLate(4),
  },
  {
    rule: "axi_b_missing",
    signal: "finished",
    when: "lasts_taken == 2 && addresses_taken == 2",
    value: "1'b1",
  },
  { rule: "axi_outstanding", signal: "shallow", when: "1'b1", value: "1'b1" },
  { rule: "axil_b_unrequested", signal: "s_axil_bvalid", when: "age == 3", value: "1'b1" },
  { rule: "axil_r_unrequested", signal: "s_axil_rvalid", when: "age == 3", value: "1'b1" },
  // The testbench looks at the response when it takes it: it shall wait.
  {
    rule: "axil_b_response",
    signal: "s_axil_bresp",
    when: "1'b1",
    value: "2'b01",
    plusargs: ["+ready_after_valid=8"],
  },
  {
    rule: "axil_r_response",
    signal: "s_axil_rresp",
    when: "1'b1",
    value: "2'b01",
    plusargs: ["+ready_after_valid=16"],
  },
  { rule: "axil_b_missing", signal: "finished", when: "s_axil_bvalid", value: "1'b1" },
  { rule: "axil_r_missing", signal: "finished", when: "s_axil_rvalid", value: "1'b1" },
];

const FIRST_CHANGE = 1000;
const numberOf = (channel: Channel): number => 10 * (channels.indexOf(channel) + 1);
const drivenByEngine = (channel: Channel): boolean =>
  ports.some(({ name, input }) => name === `${channel}valid` && !input);

/** All mutations of {@link mutatedEngine}. */
export const axiMutations: readonly AxiMutation[] = [
  ...channels.flatMap((channel): AxiMutation[] => {
    const [number, name] = [numberOf(channel), ruleName(channel)];
    const bit = waitBits[channel];
    return [
      { number: number + 1, rule: `${name}_valid_drops`, plusargs: ["+stall=60"] },
      { number: number + 2, rule: `${name}_payload_changes`, plusargs: ["+stall=60"] },
      { number: number + 3, rule: `${name}_valid_in_reset`, plusargs: [] },
      ...(bit === undefined
        ? []
        : [
            {
              number: number + 4,
              rule: `${name}_valid_waits_for_ready`,
              plusargs: [`+ready_after_valid=${1 << bit}`],
            },
          ]),
    ];
  }),
  ...changes.map(({ rule, plusargs = [] }, i) => ({ number: FIRST_CHANGE + i, rule, plusargs })),
];

const range = (width: string): string =>
  width === "1" ? "" : `[${width.replace("DATA_BYTES", "BYTES").replace("STREAM_BYTES", "BYTES")}-1:0] `;

/** A signal as it is seen, through all changes that may befall it. */
function seen(signal: string, right: string): string {
  const cases = changes.flatMap((change, i) =>
    [change, ...(change.with === undefined ? [] : [change.with])]
      .filter((one) => one.signal === signal)
      .map(({ when, value }) => `mutation == ${FIRST_CHANGE + i} && (${when}) ? ${value} : `),
  );
  return `${cases.join("\n    ")}${right}`;
}

/**
 * Text of a module with the engine's ports around the stand-in `inner`. With `+mutation=N` one thing goes wrong on the way between them; checkers inside
 * see what the receiver sees. Then also readys that would always be high fall every other cycle.
 */
export function mutatedEngine(name: string, inner: string): string {
  const declared = ports.map(({ name: port, input, width }) => {
    const [outside, inside] = [`${input ? "input" : "output"} wire ${range(width)}${port}`, range(width)];
    return { port, input, outside, right: `right_${port}`, inside };
  });
  const lines: string[] = [];
  for (const { right, inside } of declared) lines.push(`  wire ${inside}${right};`);
  for (const { port, inside } of declared) lines.push(`  wire ${inside}seen_${port};`);
  for (const channel of channels) {
    const valid = `${channel}valid`;
    const number = numberOf(channel);
    lines.push(`  logic waits_${channel} = 1'b0;`);
    lines.push(
      `  always_ff @(posedge aclk) waits_${channel} <= aresetn && seen_${valid} && !seen_${channel}ready;`,
    );
    const waits = drivenByEngine(channel)
      ? `\n    mutation == ${number + 4} ? right_${valid} && ${channel}ready :`
      : "";
    lines.push(`  assign seen_${valid} = mutation == ${number + 1} ? right_${valid} && !waits_${channel} :
    mutation == ${number + 3} ? right_${valid} || !aresetn :${waits}
    ${seen(valid, `right_${valid}`)};`);
    for (const [i, { name: port }] of payloadOf(channel).entries()) {
      const flipped = i === 0 ? `mutation == ${number + 2} && waits_${channel} ? ~right_${port} : ` : "";
      lines.push(`  assign seen_${port} = ${flipped}${seen(port, `right_${port}`)};`);
    }
    const slow = slowed.includes(channel);
    const ready = `right_${channel}ready`;
    lines.push(`  assign seen_${channel}ready = ${slow ? `${ready} && !slow` : ready};`);
  }
  for (const { port, input } of declared)
    lines.push(input ? `  assign right_${port} = ${port};` : `  assign ${port} = seen_${port};`);
  const toInner = declared.map(({ port, input, right }) => {
    if (!input) return `    .${port}(${right})`;
    // What is held back is not taken.
    const channel = channels.find((name) => port === `${name}ready`);
    if (channel !== undefined) return `    .${port}(seen_${port} && seen_${channel}valid)`;
    // Where the wrapper is not ready the stand-in must not see a beat.
    const slow = slowed.some((channel) => port === `${channel}valid`);
    return `    .${port}(seen_${port}${slow ? " && !slow" : ""})`;
  });
  const check = (prefix: string, list: readonly SystemPort[], gate = ""): string =>
    list
      .map(({ name: port }) => {
        const gated = gate !== "" && port.endsWith("valid") ? ` && ${gate}` : "";
        return `    .${port.slice(prefix.length)}(seen_${port}${gated})`;
      })
      .join(",\n");
  return `module ${name} (
  input wire aclk,
  input wire aresetn,
  output wire irq,
${declared.map(({ outside }) => `  ${outside}`).join(",\n")}
);
  localparam int BYTES = ${STAND_IN_BYTES};
  int mutation = 0;
  initial if (!$value$plusargs("mutation=%d", mutation)) mutation = 0;
  // How far it is: cycles since reset, and what was taken at the memory port.
  int age = 0;
  int reads_taken = 0;
  int addresses_taken = 0;
  int beats_taken = 0;
  int lasts_taken = 0;
  logic slow = 1'b0;
  always_ff @(posedge aclk) begin
    age <= aresetn ? age + 1 : 0;
    reads_taken <= reads_taken + int'(aresetn && m_axi_arvalid && m_axi_arready);
    addresses_taken <= addresses_taken + int'(aresetn && m_axi_awvalid && m_axi_awready);
    beats_taken <= beats_taken + int'(aresetn && m_axi_wvalid && m_axi_wready);
    lasts_taken <= lasts_taken + int'(aresetn && m_axi_wvalid && m_axi_wready && m_axi_wlast);
    slow <= mutation != 0 && !slow;
  end
  wire finished = ${seen("finished", "1'b0")};
  wire shallow = ${seen("shallow", "1'b0")};
${lines.join("\n")}
  ${inner} u_inner (
    .aclk(aclk),
    .aresetn(aresetn),
    .irq(irq),
${toInner.join(",\n")}
  );
  axi4_checker #(.DATA_BYTES(BYTES), .MAX_BEATS(4)) u_axi (
    .aclk(aclk),
    .aresetn(aresetn),
    .finished(finished),
${check("m_axi_", memoryPorts)}
  );
  axi4_checker #(.DATA_BYTES(BYTES), .MAX_BEATS(4), .DEPTH(1)) u_shallow (
    .aclk(aclk),
    .aresetn(aresetn),
    .finished(1'b0),
${check("m_axi_", memoryPorts, "shallow")}
  );
  axi4_lite_checker u_lite (
    .aclk(aclk),
    .aresetn(aresetn),
    .finished(finished),
${check("s_axil_", registerPorts)}
  );
  axi4_stream_checker #(.WIDTH(8 * BYTES)) u_stream (
    .aclk(aclk),
    .aresetn(aresetn),
${check("s_axis_", streamPorts)}
  );
endmodule
`;
}
