import { PARAMETER_BYTES } from "./config.js";
import { fieldTable, markdownTable } from "./isa/describe.js";
import {
  DESCRIPTOR_BYTES,
  endFields,
  type Field,
  headerFields,
  layerFields,
  OPERATIONS,
  parameterFields,
  SPACES,
  transferFields,
  WEIGHT_ENTRY_BYTES,
  weightEntryFields,
} from "./isa/index.js";
import { ENGINE_ERRORS, type EngineRegister, engineRegisters, registerFields } from "./registers.js";

const REGISTER_BITS = 32;
const DESCRIPTOR_BITS = 8 * DESCRIPTOR_BYTES;

/** `resultBase` is RESULT_BASE outside of the code. */
const shown = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();

/** What a register's access says to a host. */
const ACCESS = {
  read: "read",
  write: "read, write",
  clear: "read, write 1 to clear",
} as const satisfies Record<EngineRegister["access"], string>;

const codes = (title: string, table: Readonly<Record<string, number>>): string =>
  `${title}: ${Object.entries(table)
    .map(([name, code]) => `${code} ${name}`)
    .join(", ")}.`;

function registers(): readonly string[] {
  const map = (Object.entries(engineRegisters) as [string, EngineRegister][]).map(([name, register]) => [
    `0x${register.at.toString(16).padStart(2, "0")}`,
    shown(name),
    ACCESS[register.access],
    register.doc,
  ]);
  const words = Object.entries(registerFields) as [string, Readonly<Record<string, Field>>][];
  return [
    markdownTable(["address", "register", "access", "meaning"], map),
    ...words.flatMap(([name, fields]) => [`### ${shown(name)}`, fieldTable(fields, REGISTER_BITS)]),
  ];
}

/**
 * Write the reference of programs and registers, bit by bit, from the tables that codec, compiler and RTL use. `docs/accel-isa.md` is this text.
 *
 * @returns Markdown
 */
export function describeInstructionSet(): string {
  const parts = [
    "# accel: descriptors and registers, bit by bit",
    "Made from `src/accel/isa/fields.ts` and `src/accel/registers.ts` by `src/accel/reference.ts`; do not edit. " +
      "`npx vitest run src/accel/reference.test.ts -u` writes it again. What the engine does with the fields: [accel.md](accel.md), Program.",
    "Bit i of a table is bit i mod 8 of byte ⌊i / 8⌋, so that a field lies little endian; `from byte` names the byte, and the bit in it, where the field begins. " +
      "Types: u8 is an unsigned field of 8 bits, s14 one of 14 bits in two's complement. " +
      "Reserved bits are written as 0; the engine does not read them.",
    "## Program",
    markdownTable(
      ["byte", "what", "bytes"],
      [
        [0, "header", DESCRIPTOR_BYTES],
        [`${DESCRIPTOR_BYTES} · (i + 1)`, "descriptor i", DESCRIPTOR_BYTES],
        ["`weightList` + 16 · i", "entry i of the weight list", WEIGHT_ENTRY_BYTES],
        ["`offset` of an entry", "a run of the weight stream: parameters and blocks", "beats of the port"],
      ],
    ),
    "### Header",
    fieldTable(headerFields, DESCRIPTOR_BITS),
    "### Entry of the weight list",
    fieldTable(weightEntryFields, 8 * WEIGHT_ENTRY_BYTES),
    "### Parameters of a lane",
    "The entries of a group's lanes stand in the weight stream before the group's blocks, lane 0 first.",
    fieldTable(parameterFields, 8 * PARAMETER_BYTES),
    "## Descriptors",
    `${codes("Operations", OPERATIONS)} Another number ends the frame as 0 does, and no program may hold one.`,
    "### End",
    fieldTable(endFields, DESCRIPTOR_BITS),
    "### Load and store",
    `${codes("Spaces", SPACES)} Their bases are SCRATCH_BASE, RESULT_BASE + frame · RESULT_STRIDE, IMAGE_BASE + frame · IMAGE_STRIDE, and the program's own.`,
    fieldTable(transferFields, DESCRIPTOR_BITS),
    "### Layer",
    fieldTable(layerFields, DESCRIPTOR_BITS),
    "## Registers",
    "Words of 32 bits on an AXI4-Lite port, 0 after reset where nothing else is said. A write takes the bytes that its strobes name; one to a register that can only be read is ignored. " +
      "Addresses beyond the last register answer SLVERR. Start also clears DONE, the error, the counters and FRAMES_DONE. " +
      `${codes("Errors", ENGINE_ERRORS)}`,
    ...registers(),
  ];
  return `${parts.join("\n\n")}\n`;
}
