import { expect, test } from "vitest";
import { literal, ModuleBuilder } from "./builder.js";
import { registerBanks } from "./register-banks.js";

test("flip-flops are sorted by enable and reset; the word of a small ROM keeps only bits that differ", () => {
  const b = new ModuleBuilder("m", []);
  b.clock("aclk");
  const resetN = b.input("aresetn", 1);
  const enable = b.input("enable", 1);
  const x = b.input("x", 6);
  const free = b.register("free", x, { role: "datapath" });
  const held = b.register("held", free, { enable, role: "datapath" });
  const more = b.register("more", held, { enable, role: "window" });
  b.registerInto(b.net("state", 6), "state", more, { enable, resetN, role: "control" });
  const rom = (name: string, contents: readonly string[], address: number): void => {
    b.add({
      kind: "rom",
      name,
      depth: contents.length,
      contents,
      readEnable: enable,
      readAddress: literal(0, address),
      readData: b.net(`${name}_word`, contents[0]!.length),
    });
  };
  // Columns 01, 01, 11, 10: two of them differ from each other and from a constant.
  rom("small", ["0011", "1110"], 1);
  rom(
    "large",
    Array.from({ length: 8 }, () => "0000"),
    3,
  );
  const banks = registerBanks([b.build()]);
  expect(banks).toEqual([
    { bits: 6, enabled: false, reset: false, copies: 1 },
    { bits: 12 + 2 + 4, enabled: true, reset: false, copies: 1 },
    { bits: 6, enabled: true, reset: true, copies: 1 },
  ]);
});
