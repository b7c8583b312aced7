import { FixynnError } from "../core/index.js";

/** One module's text and what can be said of it without a parser. */
export type VerilogModule = {
  readonly name: string;
  readonly text: string;
  /** From `module` to the `;` that ends the port list. */
  readonly header: string;
  readonly hasParameters: boolean;
  /** Modules of the same design that its text names. */
  readonly uses: readonly string[];
};

/** Replace comments by spaces, so that words in them count for nothing. */
const withoutComments = (text: string): string =>
  text.replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, " "));

/** End of the module header: the first `;` outside parentheses. */
function headerEnd(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if (c === ";" && depth === 0) return i + 1;
  }
  return text.length;
}

/**
 * Find the modules in SystemVerilog files, in order of file and place.
 *
 * @throws FixynnError FX6020 when two have the same name
 */
export function splitModules(files: ReadonlyMap<string, string>): ReadonlyMap<string, VerilogModule> {
  const found = new Map<string, { name: string; text: string; clean: string }>();
  for (const [file, text] of files) {
    if (!/\.s?v$/.test(file)) continue;
    const clean = withoutComments(text);
    for (const match of clean.matchAll(/\bmodule\s+(?:automatic\s+)?([A-Za-z_]\w*)[\s\S]*?\bendmodule\b/g)) {
      const name = match[1]!;
      if (found.has(name)) throw new FixynnError("FX6020", `two modules named ${name}`, { place: file });
      const end = match.index + match[0].length;
      found.set(name, { name, text: `${text.slice(match.index, end)}\n`, clean: match[0] });
    }
  }
  const modules = new Map<string, VerilogModule>();
  for (const { name, text, clean } of found.values()) {
    const end = headerEnd(clean);
    const words = new Set(clean.slice(end).match(/[A-Za-z_]\w*/g) ?? []);
    const header = clean.slice(0, end);
    const uses = [...found.keys()].filter((other) => other !== name && words.has(other));
    modules.set(name, { name, text, header, hasParameters: /^module\s+\w+\s*#/.test(header), uses });
  }
  return modules;
}

/** The module's interface as a black box. */
export const blackBox = (module: VerilogModule): string => `(* blackbox *)\n${module.header}\nendmodule\n`;
