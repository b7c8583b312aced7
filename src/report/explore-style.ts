/** What the exploration's page needs beside the report's style sheet. */
export const exploreStyle = `
.explorer { display: grid; grid-template: "plot detail" auto "layers detail" 1fr / minmax(0, 1.6fr) minmax(330px, 1fr); gap: 20px; align-items: start; margin-bottom: 20px; } .explorer[hidden] { display: none; }
.explorer section { margin: 0; } .plot-card { grid-area: plot; } .layers-card { grid-area: layers; } .detail { grid-area: detail; } .layers-card .figure { max-width: none; min-width: 620px; margin-bottom: 14px; }
.controls { display: grid; gap: 10px; margin: 0 0 14px; }
.controls fieldset { position: relative; display: flex; flex-wrap: wrap; align-items: end; gap: 8px 14px; border: 0; margin: 0; padding: 0 0 0 3.6em; min-width: 0; }
.controls legend { position: absolute; left: 0; top: 1.55rem; font-size: .8125rem; line-height: 32px; font-weight: 650; padding: 0; }
.controls label { display: flex; flex-direction: column; gap: 2px; font-size: .78rem; color: var(--quiet); }
.controls label.check { flex-direction: row; align-items: center; gap: 6px; font-size: .84rem; color: var(--ink); padding-bottom: 5px; }
select, input[type=number], button { font: inherit; font-size: .875rem; color: var(--ink); background: var(--card); border: 1px solid var(--quiet); border-radius: 6px; padding: 4px 8px; min-height: 32px; }
select { max-width: 15em; } input[type=number] { width: 6.2em; } input[type=checkbox] { width: 16px; height: 16px; accent-color: var(--silicon); margin: 0; }
button { cursor: pointer; } button:hover { border-color: var(--silicon); color: var(--silicon); }
:focus-visible { outline: 2px solid var(--silicon); outline-offset: 2px; }
.plot-area { border-radius: 8px; position: relative; cursor: crosshair; touch-action: manipulation; }
.plot-area .figure { max-width: none; min-width: 0; }
.figure .design { fill: var(--quiet); fill-opacity: .33; } .figure .hover { fill: none; stroke: var(--ink); stroke-width: 1.5; }
.figure .chosen-ring { fill: none; stroke: var(--program); stroke-width: 3; } .figure .on-front { fill: var(--silicon); stroke: var(--card); stroke-width: 1; } .figure .front-line { fill: none; stroke: var(--silicon); stroke-width: 2; }
.figure .published { fill: var(--card); stroke: var(--program); stroke-width: 1.75; } .figure .knee { fill: var(--card); stroke: var(--silicon); stroke-width: 2.5; }
.tip { position: absolute; pointer-events: none; z-index: 2; max-width: 250px; background: var(--card); border: 1px solid var(--quiet); border-radius: 6px; padding: 6px 9px; font-size: .8rem; line-height: 1.35; box-shadow: 0 2px 10px rgb(0 0 0 / .18); overflow-wrap: anywhere; }
.tip b { display: block; }
.detail h2 { margin-bottom: 4px; overflow-wrap: anywhere; } .detail h3 { margin: 18px 0 6px; font-size: .9rem; }
.headline { display: grid; grid-template-columns: repeat(2, 1fr); gap: 1px; background: var(--rule); border: 1px solid var(--rule); border-radius: 8px; overflow: hidden; margin: 12px 0 0; }
.headline div { background: var(--card); padding: 8px 12px; } .headline dt { font-size: .76rem; color: var(--quiet); } .headline dd { margin: 0; font-size: 1.15rem; font-weight: 600; } .headline small { display: block; font-size: .76rem; font-weight: 400; color: var(--quiet); }
.settings { display: grid; grid-template-columns: max-content 1fr; gap: 3px 14px; margin: 12px 0 0; font-size: .875rem; } .settings dt { color: var(--quiet); } .settings dd { margin: 0; overflow-wrap: anywhere; }
.detail table { font-size: .8125rem; } .detail th, .detail td { padding: 4px 6px; } .detail tbody th { white-space: normal; } .detail .figure { min-width: 0; max-width: none; }
.share { display: flex; height: 14px; border-radius: 4px; overflow: hidden; margin: 6px 0 4px; gap: 1px; } .share i { display: block; min-width: 2px; }
.share .front { background: var(--silicon); } .share .accelerator { background: var(--program); }
.keys { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: .8125rem; margin: 0; padding: 0; list-style: none; } .keys i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; }
.keys .front { background: var(--silicon); } .keys .accelerator { background: var(--program); }
:is(#knees, #answers, #freeze-points, #camera) :is(th, td) { padding-left: 6px; padding-right: 6px; font-size: .8125rem; } :is(#knees, #answers, #freeze-points, #camera) tbody > tr > * { white-space: nowrap; }
@media (max-width: 980px) { .explorer { grid-template: "plot" "detail" "layers" / minmax(0, 1fr); } }
@media (max-width: 560px) { .controls fieldset { padding-left: 0; } .controls legend { position: static; width: 100%; line-height: inherit; } .controls label:not(.check) { flex: 1 1 40%; } select, input[type=number] { width: 100%; max-width: none; } .headline dd { font-size: 1.05rem; } }
@media print { .controls, #plot-help, .tip { display: none; } .explorer { display: block; } .explorer section { margin-bottom: 20px; } }
`;
