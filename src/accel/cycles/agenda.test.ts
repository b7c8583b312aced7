import fc from "fast-check";
import { expect, test } from "vitest";
import { Agenda } from "./agenda.js";

test("an agenda keeps the order of cycles, and of entry within a cycle", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.array(fc.nat(20), { maxLength: 3 }))), (entries) => {
      const agenda = new Agenda();
      const seen: { readonly time: number; readonly order: number }[] = [];
      let order = 0;
      const enter = (time: number, later: readonly number[]): void => {
        const own = order++;
        const due = Math.max(time, agenda.now);
        agenda.at(time, () => {
          expect(agenda.now).toBe(due);
          seen.push({ time: due, order: own });
          for (const delay of later) enter(agenda.now + delay - 5, []);
        });
      };
      for (const [time, later] of entries) enter(time, later);
      agenda.run();
      expect(seen).toHaveLength(order);
      const sorted = [...seen].sort((a, b) => a.time - b.time || a.order - b.order);
      expect(seen).toEqual(sorted);
    }),
  );
});
