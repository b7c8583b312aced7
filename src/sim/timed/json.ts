import { z } from "zod";
import { FixynnError } from "../../core/index.js";
import type { TimedNet, TimedNetlist } from "./ir.js";
import { verifyTimedNetlist } from "./verify.js";

const net = z
  .number()
  .int()
  .min(0)
  .transform((n) => n as TimedNet);
const nets = z.array(net);
const count = z.number().int().min(0);
const word = z.number().int().min(0).max(0xffffffff);
const memoryPort = { enable: net, address: nets };

const schema = z.strictObject({
  kind: z.literal("timedNetlist"),
  name: z.string(),
  netCount: count,
  types: z.array(
    z.strictObject({
      name: z.string(),
      inputs: z.array(z.string()),
      outputs: z.array(z.strictObject({ pin: z.string(), table: z.tuple([word, word]) })),
    }),
  ),
  cells: z.array(
    z.strictObject({
      type: count,
      inputs: nets,
      outputs: z.array(net.nullable()),
      delaysPs: z.array(count),
      component: count,
    }),
  ),
  groups: z.array(z.strictObject({ enable: net, gated: z.boolean() })),
  flipFlops: z.array(
    z.strictObject({ d: net, q: net, group: count, delayPs: z.tuple([count, count]), component: count }),
  ),
  memories: z.array(
    z.strictObject({
      name: z.string(),
      depth: count,
      width: count,
      reads: z.array(z.strictObject({ ...memoryPort, q: nets })),
      writes: z.array(z.strictObject({ ...memoryPort, data: nets })),
      contents: z.array(z.string()).nullable(),
      accessPs: count,
      component: count,
    }),
  ),
  ports: z.array(z.strictObject({ name: z.string(), direction: z.enum(["input", "output"]), nets })),
  inputDelayPs: count,
  components: z.array(z.string()),
});

/** Write a timed netlist as JSON text. */
export const timedNetlistToJson = (netlist: TimedNetlist): string => JSON.stringify(netlist);

/**
 * Read what {@link timedNetlistToJson} wrote, and verify it.
 *
 * @throws FixynnError FX6051 when it is no such text, FX6050 when the netlist is malformed
 */
export function timedNetlistFromJson(text: string): TimedNetlist {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new FixynnError("FX6051", "not JSON", { cause });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success)
    throw new FixynnError("FX6051", `not a timed netlist: ${z.prettifyError(parsed.error)}`);
  return verifyTimedNetlist(parsed.data);
}
