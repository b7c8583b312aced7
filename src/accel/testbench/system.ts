import { FixynnError } from "../../core/index.js";
import { axiChecker } from "./axi-checker.js";
import { CHANNEL_CHECKER_MODULE, channelChecker } from "./channel-checker.js";
import { bytesToHex, maskedHex } from "./hex.js";
import { liteChecker, streamChecker } from "./lite-checkers.js";
import { axiMemory, MEMORY_MODULE } from "./memory.js";
import { systemText } from "./system-text.js";
import {
  contentsFile,
  expectedFile,
  type MemoryRegion,
  STREAM_FILE,
  SYSTEM_TESTBENCH,
  type SystemTestbench,
} from "./system-types.js";

const end = ({ address, bytes }: MemoryRegion): number => address + bytes.length;

/**
 * Emit a self-checking testbench of an engine and its memory, file name → text: `system_tb.sv` (the top), the memory, the protocol checkers
 * of the three ports, and hex vectors.
 *
 * It writes the registers of one task after the other, waits for the interrupt, reads STATUS and the counters, clears the interrupt and compares memory. It prints
 * `TASK i …` with the cycles, and those from the first register write to the first byte written into an expected region; then the counters, `CYCLES n`,
 * `STALL_WEIGHTS n` and so on; at the end `PASS …`, or `FAIL …` with the first difference or broken rule. Plusargs: those of the memory, for all ports; `+ready_after_valid` bits 3 and 4 are the
 * responses of the registers.
 *
 * @throws FixynnError FX5101 when a region is not aligned to beats or lies outside memory
 */
export function emitSystemTestbench(system: SystemTestbench): ReadonlyMap<string, string> {
  const { dataBytes, contents, tasks, stream } = system;
  const expected = tasks.flatMap((task) => task.expected);
  const regions = [...contents, ...expected];
  const needed = Math.max(4096, ...regions.map(end));
  const memoryBytes = system.memoryBytes ?? 4096 * Math.ceil(needed / 4096);
  for (const region of regions) {
    if (region.address % dataBytes === 0 && end(region) <= memoryBytes && region.bytes.length > 0) continue;
    const what = `${region.bytes.length} bytes at 0x${region.address.toString(16)}`;
    throw new FixynnError("FX5101", `${what} are not beats of memory`, {
      place: SYSTEM_TESTBENCH,
      hint: `addresses are multiples of ${dataBytes}, in ${memoryBytes} bytes`,
    });
  }
  if (stream !== null && (stream.bytes.length === 0 || stream.bytes.length % stream.beatBytes !== 0))
    throw new FixynnError("FX5101", `${stream.bytes.length} bytes are not beats of the stream`, {
      place: SYSTEM_TESTBENCH,
      hint: `a beat has ${stream.beatBytes} bytes`,
    });
  const files = new Map([
    [`${SYSTEM_TESTBENCH}.sv`, systemText(system, memoryBytes)],
    [`${MEMORY_MODULE}.sv`, axiMemory],
    [`${CHANNEL_CHECKER_MODULE}.sv`, channelChecker],
    ["axi4_stream_checker.sv", streamChecker],
    ["axi4_lite_checker.sv", liteChecker],
    ["axi4_checker.sv", axiChecker],
  ]);
  if (stream === null) files.delete("axi4_stream_checker.sv");
  for (const [i, { bytes }] of contents.entries()) files.set(contentsFile(i), bytesToHex(bytes, dataBytes));
  for (const [i, { bytes, care }] of expected.entries())
    files.set(expectedFile(i), maskedHex(bytes, care, dataBytes));
  if (stream !== null) files.set(STREAM_FILE, bytesToHex(stream.bytes, stream.beatBytes));
  return files;
}
