import { resolve } from "node:path";
import { Command } from "commander";
import { writeFileAtomic } from "../core/index.js";
import { importTechnology, shippedTechnologies } from "../cost/index.js";

/** `fixynn tech`: technology tables. */
export function techCommand(): Command {
  const tech = new Command("tech").description("technology tables");
  tech
    .command("list")
    .description("list the tables that ship with fixynn")
    .action(() => {
      process.stdout.write(`${shippedTechnologies().join("\n")}\n`);
    });
  tech
    .command("import")
    .description("read Liberty files (several make one library) into a technology table")
    .argument("<file...>", ".lib or .lib.gz")
    .requiredOption("--name <name>", "name of the technology")
    .requiredOption("--node <nm>", "node, nanometres", Number)
    .requiredOption("--licence <text>", "licence of the library")
    .requiredOption("--origin <text>", "where the library comes from")
    .requiredOption("-o, --out <file>", "table to write (JSON)")
    .action(
      (
        files: string[],
        options: { name: string; node: number; licence: string; origin: string; out: string },
      ) => {
        const { name, node, licence, origin, out } = options;
        const table = importTechnology(
          files.map((file) => resolve(file)),
          { name, nodeNm: node, licence, origin },
        );
        writeFileAtomic(resolve(out), `${JSON.stringify(table, null, 2)}\n`);
        process.stdout.write(`${out}: ${Object.keys(table.cells).length} cells of ${table.name}\n`);
      },
    );
  return tech;
}
