import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { FixynnError, packageRoot } from "../../core/index.js";

type Linked = { readonly name: string; readonly text: string };

/** `a as b` of an import or export list, as an object pattern or literal has it. */
const asPair = (entry: string): string => entry.trim().replace(/^(\w+)\s+as\s+(\w+)$/, "$1: $2");

const entriesOf = (list: string): readonly string[] =>
  list
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");

/**
 * Put a module and all that it imports into one script without imports, each module a function's scope of its own. For modules as the compiler
 * writes them: named imports from relative paths, and named exports.
 *
 * @throws FixynnError FX9001 when a file is not built, FX9003 for a form of import or export that is not handled
 */
export function linkModules(entry: string, read: (path: string) => string): string {
  const linked = new Map<string, Linked>();
  const order: Linked[] = [];
  const visit = (path: string): Linked => {
    const known = linked.get(path);
    if (known !== undefined) return known;
    const name = `module${linked.size}`;
    const exported: string[] = [];
    // Before its imports are visited, so that a cycle ends in a clear error of the page, not here.
    linked.set(path, { name, text: "" });
    const body = read(path)
      .replaceAll(/^\/\/# sourceMappingURL=.*$/gm, "")
      .replaceAll(/^import\s*\{([^}]*)\}\s*from\s*"(\.[^"]+)";$/gm, (_, list: string, from: string) => {
        const { name: source } = visit(resolve(dirname(path), from));
        return `const { ${entriesOf(list).map(asPair).join(", ")} } = ${source};`;
      })
      .replaceAll(/^export\s*\{([^}]*)\};$/gm, (_, list: string) => {
        exported.push(...entriesOf(list).map((one) => one.replace(/^(\w+)\s+as\s+(\w+)$/, "$2: $1")));
        return "";
      })
      .replaceAll(/^export (?=(?:async )?(?:function|const|class|let)\b)/gm, "");
    for (const [, own] of read(path).matchAll(/^export (?:async )?(?:function|const|class|let) (\w+)/gm))
      exported.push(own!);
    const left = /^(?:import|export)\b.*$/m.exec(body);
    if (left !== null) throw new FixynnError("FX9003", `cannot link "${left[0]}"`, { place: path });
    const text = `const ${name} = (() => {\n${body}\nreturn { ${exported.join(", ")} };\n})();\n`;
    const one = { name, text };
    linked.set(path, one);
    order.push(one);
    return one;
  };
  visit(entry);
  return `"use strict";\n(() => {\n${order.map(({ text }) => text).join("")}})();\n`;
}

/**
 * The script of the exploration's page, from what `web/explore` was compiled to.
 *
 * @throws FixynnError FX9001 when it is not built
 */
export function explorePageScript(): string {
  const entry = join(packageRoot, "dist", "web", "web", "explore", "main.js");
  return linkModules(entry, (path) => {
    if (!existsSync(path))
      throw new FixynnError("FX9001", "page script not built", { place: path, hint: "run npm run build" });
    return readFileSync(path, "utf8");
  });
}
