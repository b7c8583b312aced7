import type { EngineConfig } from "../config.js";
import type { Agenda } from "./agenda.js";
import type { EngineLatencies } from "./latencies.js";
import type { MemoryPort, MemoryTiming } from "./memory-port.js";

/** What the transfer unit works with. */
export type TransferContext = {
  readonly agenda: Agenda;
  readonly latencies: EngineLatencies;
  readonly config: EngineConfig;
  readonly port: MemoryPort;
  readonly memory: MemoryTiming;
  /** Words that the drain has written into the activation memory until now: in those cycles a load writes none. */
  readonly drainWrites: () => number;
};
