import { figureRules } from "./figures/index.js";

/** The style sheet of the report: light and dark, narrow and wide, screen and paper; no external resource. */
export const styleSheet = `
:root { color-scheme: light dark;
  --page: #f7f6f2; --card: #ffffff; --ink: #1c1f23; --quiet: #5c6470; --rule: #dedcd4; --stripe: #faf9f6;
  --silicon: #0b6e69; --silicon-soft: #d9ecea; --program: #b4560c; --program-soft: #f8e6d6;
  --good: #14703b; --good-soft: #dff2e5; --bad: #b3261e; --bad-soft: #fbe1df; --wait: #8a5a00; --wait-soft: #faedd0;
  --datapath: #0b6e69; --registers: #3f6fb5; --sram: #d08a1d; --rom: #8457a8; --chosen: #eef6f5; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171a; --card: #1c2024; --ink: #e8e9ea; --quiet: #a3abb5; --rule: #343a41; --stripe: #20252a;
  --silicon: #4fc0b8; --silicon-soft: #173936; --program: #f0a05a; --program-soft: #402a17;
  --good: #6fd196; --good-soft: #173424; --bad: #ff8f87; --bad-soft: #45201e; --wait: #efc167; --wait-soft: #3b2f14;
  --datapath: #4fc0b8; --registers: #7fa8e6; --sram: #e6ae55; --rom: #b993d8; --chosen: #1b2e2e; } }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
main, header, footer { max-width: 1340px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 44px; padding-bottom: 4px; }
h1 { font-size: 1rem; font-weight: 600; margin: 0 0 14px; color: var(--quiet); overflow-wrap: anywhere; }
h1 b { color: var(--ink); }
.badge { display: inline-block; padding: 3px 12px; border-radius: 999px; font-size: .8125rem; font-weight: 650; letter-spacing: .02em; }
.badge.verified { color: var(--good); background: var(--good-soft); }
.badge.mismatch { color: var(--bad); background: var(--bad-soft); }
.badge.unverified { color: var(--wait); background: var(--wait-soft); }
.verdict { font-size: clamp(1.15rem, 2.4vw, 1.55rem); line-height: 1.38; font-weight: 500; letter-spacing: -.01em; margin: 12px 0 26px; max-width: 64ch; text-wrap: pretty; overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; padding: 24px; margin: 0 0 20px; min-width: 0; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 0 0 14px; letter-spacing: -.005em; }
h3 { font-size: 1rem; margin: 22px 0 8px; }
.facts { display: flex; flex-wrap: wrap; gap: 1px; background: var(--rule); border: 1px solid var(--rule); border-radius: 12px; overflow: hidden; margin: 0 0 20px; padding: 0; }
.facts div { flex: 1 1 150px; background: var(--card); padding: 14px 18px; }
.facts dt { font-size: .8125rem; color: var(--quiet); }
.facts dd { margin: 2px 0 0; font-size: 1.4rem; font-weight: 600; line-height: 1.25; }
.facts dd small { display: block; font-size: .78rem; font-weight: 400; color: var(--quiet); }
.flow { display: flex; gap: 30px; list-style: none; margin: 0 0 22px; padding: 0; align-items: stretch; }
.flow li { position: relative; flex: 1 1 0; border: 1px solid var(--rule); border-radius: 10px; padding: 12px 14px; min-width: 0; overflow-wrap: anywhere; }
.flow li + li::before { content: ""; position: absolute; left: -26px; top: 50%; width: 16px; height: 2px; background: var(--quiet); }
.flow li + li::after { content: ""; position: absolute; left: -15px; top: 50%; width: 7px; height: 7px; margin-top: -3.5px; border: solid var(--quiet); border-width: 2px 2px 0 0; transform: rotate(45deg); }
.flow b { display: block; font-size: .95rem; } .flow span { display: block; font-size: .84rem; color: var(--quiet); }
.flow .silicon { flex-grow: 1.5; border-color: var(--silicon); background: var(--silicon-soft); }
.flow .program { flex-grow: 1.5; border-color: var(--program); background: var(--program-soft); }
.flow .silicon b { color: var(--silicon); } .flow .program b { color: var(--program); }
.flow .silicon span, .flow .program span { color: var(--ink); }
figure { margin: 18px 0 0; } figcaption { font-size: .9rem; font-weight: 600; margin-bottom: 8px; }
.strip { margin-top: 0; } .strip svg { display: block; width: 100%; height: 34px; } .strip figcaption { font-weight: 400; color: var(--quiet); font-size: .84rem; margin: 2px 0 0; }
.strip .frozen { fill: var(--silicon); } .strip .tail { fill: var(--program); opacity: .5; }
.ends { display: flex; justify-content: space-between; gap: 16px; margin: 6px 0 0; font-size: .9rem; font-weight: 600; }
.ends span:first-child { color: var(--silicon); } .ends span:last-child { color: var(--program); text-align: right; }
.scroll { overflow-x: auto; } .scroll:focus-visible { outline: 2px solid var(--silicon); outline-offset: 3px; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; line-height: 1.35; }
caption { text-align: left; font-size: .9rem; font-weight: 600; padding: 0 0 8px; }
th, td { padding: 7px 10px; border-bottom: 1px solid var(--rule); vertical-align: top; text-align: left; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 8px; }
thead th { vertical-align: bottom; font-weight: 600; color: var(--quiet); font-size: .8125rem; border-bottom: 1.5px solid var(--quiet); white-space: normal; }
tbody th { font-weight: 500; } tbody tr:last-child > * { border-bottom: 0; }
.end { text-align: right; } .unit { display: block; font-weight: 400; white-space: nowrap; }
td small, th small { display: block; color: var(--quiet); font-size: .76rem; font-weight: 400; }
tr.quiet > * { color: var(--quiet); } tr.chosen > * { background: var(--chosen); } tr.chosen > th { font-weight: 700; }
td.good { color: var(--good); font-weight: 600; } td.bad { color: var(--bad); font-weight: 700; background: var(--bad-soft); }
#cost th[scope=row], #verification td:last-child { white-space: normal; min-width: 190px; }
#accuracy thead th { min-width: 5.5em; } #layers .notes { margin-bottom: 22px; } table[id^=layers-] th:first-child { position: sticky; left: 0; background: var(--card); }
table[id^=layers-] td, table[id^=layers-] th { padding-left: 6px; padding-right: 6px; font-size: .8125rem; }
.notes { margin: 12px 0 0; padding: 0; list-style: none; font-size: .8125rem; color: var(--quiet); max-width: 92ch; overflow-wrap: anywhere; } .notes li + li { margin-top: 4px; }
.notes + .scroll, .scroll + .scroll { margin-top: 26px; } .small { font-size: .8125rem; color: var(--quiet); margin: 4px 0 0; }
.plot { display: block; width: 100%; max-width: 780px; min-width: 520px; height: auto; }
svg text { font: 12px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: var(--ink); } svg .tick, svg .axis { fill: var(--quiet); }
svg text.end { text-anchor: end; } svg text.middle { text-anchor: middle; } svg text.start { text-anchor: start; }
.grid { stroke: var(--rule); } .guide { stroke: var(--quiet); stroke-dasharray: 1 4; } .unfrozen, .bound { stroke: var(--ink); stroke-dasharray: 6 4; }
.line { fill: none; stroke-width: 1.75; } .line.float { stroke: var(--registers); } .line.int8 { stroke: var(--silicon); } .line.hardware { stroke: var(--program); }
.mark { stroke: var(--card); stroke-width: 1.5; } .mark.float { fill: var(--registers); } .mark.int8 { fill: var(--silicon); } .mark.hardware { fill: var(--program); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 8px 0 0; padding: 0; font-size: .84rem; } .legend li { display: flex; align-items: center; gap: 6px; }
.swatch { width: 12px; height: 12px; border-radius: 3px; background: var(--datapath); }
.swatch.registers { background: var(--registers); } .swatch.sram { background: var(--sram); } .swatch.rom { background: var(--rom); } .swatch.tail { background: var(--program); }
.part { fill: var(--datapath); } .part.registers { fill: var(--registers); } .part.sram { fill: var(--sram); } .part.rom { fill: var(--rom); } .part.other { fill: var(--quiet); }
.swatch.other { background: var(--quiet); } .part.published { fill: var(--rom); } .swatch.published { background: var(--rom); } .part.baseline { fill: var(--program); } .swatch.baseline { background: var(--program); } .part.estimate { fill: var(--registers); } .swatch.estimate { background: var(--registers); }
.bars { display: grid; gap: 5px; } .bar { display: grid; grid-template-columns: minmax(84px, 20%) 1fr 68px; gap: 12px; align-items: center; font-size: .84rem; line-height: 1.25; }
.bar svg { width: 100%; height: 16px; display: block; background: var(--stripe); border-radius: 3px; } .bar .amount { text-align: right; } .bar .name { overflow-wrap: anywhere; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 8px 40px; } .pair > * { min-width: 0; } .wide .bar { grid-template-columns: minmax(120px, 32%) 1fr 68px; }
details { margin-top: 16px; } summary { cursor: pointer; font-weight: 600; font-size: .9rem; padding: 4px 0; }
pre { background: var(--stripe); border: 1px solid var(--rule); border-radius: 8px; padding: 14px; font: .8rem/1.5 ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; overflow-x: auto; margin: 8px 0 0; }
.run { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0 0 20px; font-size: .9rem; } .run dt { color: var(--quiet); } .run dd { margin: 0; overflow-wrap: anywhere; }
footer { padding-top: 4px; padding-bottom: 40px; font-size: .8125rem; color: var(--quiet); }
@media (max-width: 760px) { main, header, footer { padding-left: 14px; padding-right: 14px; } header { padding-top: 24px; } section { padding: 18px 14px; }
  .flow { flex-direction: column; gap: 24px; } .flow li + li::before { left: 50%; top: -19px; width: 2px; height: 12px; } .flow li + li::after { left: 50%; margin-left: -2.5px; top: -11px; margin-top: 0; transform: rotate(135deg); }
  .pair { grid-template-columns: 1fr; } .run { grid-template-columns: 1fr; } .run dd { margin-bottom: 6px; } .bar { gap: 8px; } .wide .bar { grid-template-columns: 1fr 68px; } .wide .bar svg { grid-row: 2; grid-column: 1 / 3; } }
@media print { :root { color-scheme: light; --page: #fff; } body { font-size: 10.5pt; } section { border: 0; padding: 0; margin-bottom: 22pt; } h2, figcaption, caption { break-after: avoid; } tr, figure, .bar, .facts { break-inside: avoid; }
  .scroll { overflow: visible; } table { font-size: 8pt; } th, td { padding: 3px 4px; } table[id^=layers-] td, table[id^=layers-] th { font-size: 6.3pt; padding: 2px; } .plot { min-width: 0; } * { print-color-adjust: exact; -webkit-print-color-adjust: exact; } @page { size: A4 landscape; margin: 14mm; } }
${figureRules}`;
