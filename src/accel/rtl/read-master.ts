import type { ClockTarget } from "../../arith/index.js";
import { concat, literal, type Module, ModuleBuilder, type Signal, sliceOf } from "../../hw/index.js";
import type { EngineConfig } from "../config.js";
import { Kit } from "./kit.js";

/** Clients of the read master by their AXI id. */
export const READ_CLIENTS = { dispatcher: 0, weights: 1, loads: 2, weightList: 3 } as const;

/** Who is served first: descriptors and list entries are few and much waits for them; loads hold up layers, weights run ahead. */
const PRIORITY = [
  READ_CLIENTS.dispatcher,
  READ_CLIENTS.weightList,
  READ_CLIENTS.loads,
  READ_CLIENTS.weights,
] as const;

/** Normal memory, bufferable, neither cached nor allocated. */
const AR_CACHE = 0b0011;
/** Unprivileged, secure, data. */
const AR_PROT = 0b000;
/** Addresses of a burst go up. */
export const BURST_INCR = 0b01;

/**
 * Build `fxa_read_master`: four clients share an AXI4 read port.
 *
 * A client holds `c<i>_request` with its address and length until `c<i>_ready`, one pulse a request. A request is taken every other cycle at most, into
 * the register that drives the address channel. Data come back marked by `r_valid`, a bit a client, in the register `r_data`; they are always taken,
 * so that ids may be interleaved in any way.
 */
export function buildReadMaster(config: EngineConfig, clock: ClockTarget): Module {
  const { axiDataBytes } = config;
  const b = new ModuleBuilder("fxa_read_master", [
    "AXI4 read master of four clients, each an id: 0 dispatcher, 1 weights, 2 loads, 3 weight list.",
    "Priority 0, 3, 2, 1. Data are always taken.",
  ]);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1, "synchronous reset, active low");
  const kit = new Kit(b, clock, resetN);
  const clients = Object.values(READ_CLIENTS).map((id) => ({
    request: b.input(`c${id}_request`, 1, "asks for a burst until ready"),
    address: b.input(`c${id}_address`, 32, "byte address of the first beat"),
    beatsMinus1: b.input(`c${id}_beats_minus_1`, 8),
  }));
  const arReady = b.input("m_axi_arready", 1);
  const rValid = b.input("m_axi_rvalid", 1);
  const rData = b.input("m_axi_rdata", 8 * axiDataBytes);
  const rResp = b.input("m_axi_rresp", 2);
  const rLast = b.input("m_axi_rlast", 1);
  const rId = b.input("m_axi_rid", 2);

  const waiting = kit.state("waiting", 1, 0, "an address waits to be taken");
  const free = kit.not("free", waiting.q);
  const grants: Signal[] = [];
  for (const [rank, id] of PRIORITY.entries()) {
    const { request } = clients[id]!;
    const before = PRIORITY.slice(0, rank).map((other) => clients[other]!.request);
    const none =
      before.length === 0 ? [] : [kit.not(`none_before_${id}`, kit.or(`any_before_${id}`, ...before))];
    grants[id] = kit.and(`grant_${id}`, request, free, ...none);
  }
  const accept = kit.and("accept", free, kit.or("any", ...clients.map(({ request }) => request)));
  waiting.set(kit.or("waiting_next", accept, kit.and("held", waiting.q, kit.not("not_taken", arReady))));

  const ids = PRIORITY.map((id) => ({ ...clients[id]!, id: literal(id, 2) }));
  const payload = ids.map(({ request, address, beatsMinus1, id }): readonly [Signal, Signal] => [
    request,
    concat([address, beatsMinus1, id]),
  ]);
  const burst = kit.data("burst", 42, "control", "address, beats − 1, id");
  burst.set(kit.first("chosen", payload.slice(0, -1), payload.at(-1)![1]), accept);

  const ofClient = clients.map((_, id) => kit.and(`valid_${id}`, rValid, kit.equal(`is_${id}`, rId, id)));
  const valid = kit.delayControl("valid", concat(ofClient), 1);
  const beat = kit.delayControl("beat", rValid, 1);
  const bad = kit.or("bad", sliceOf(rResp, 0, 1), sliceOf(rResp, 1, 1));
  const error = kit.delayControl("error", kit.and("error_now", rValid, bad), 1);
  const data = kit.data("data", 8 * axiDataBytes + 1, "buffer", "beat and whether it is the last");
  data.set(concat([rData, rLast]), rValid);

  for (const [id, grant] of grants.entries())
    b.output(`c${id}_ready`, grant, "the request is taken at the next edge");
  b.output("m_axi_arvalid", waiting.q);
  b.output("m_axi_araddr", sliceOf(burst.q, 0, 32));
  b.output("m_axi_arlen", sliceOf(burst.q, 32, 8));
  b.output("m_axi_arid", sliceOf(burst.q, 40, 2));
  b.output("m_axi_arsize", literal(Math.log2(axiDataBytes), 3));
  b.output("m_axi_arburst", literal(BURST_INCR, 2));
  b.output("m_axi_arcache", literal(AR_CACHE, 4));
  b.output("m_axi_arprot", literal(AR_PROT, 3));
  b.output("m_axi_rready", literal(1, 1));
  b.output("r_valid", valid, "a beat for client i");
  b.output("r_data", sliceOf(data.q, 0, 8 * axiDataBytes));
  b.output("r_last", sliceOf(data.q, 8 * axiDataBytes, 1));
  b.output("read_error", error, "pulse: a beat came with an error");
  b.output("read_beat", beat, "pulse: a beat came");
  return b.build();
}
