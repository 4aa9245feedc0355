/**
 * The style of a report's page: every colour of a text has a contrast of 4.5 to 1 at least against the page, light and
 * dark; charts take theirs from here. Green and blue also differ in their line style.
 */
export const STYLE = `
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #1c1c1a; --quiet: #5c5b57; --line: #dddcd7; --card: #f3f2ee;
  --green: #157f3b; --blue: #1f66c1; --bad: #b3261e; --good: #157f3b; --gap: #8884; }
@media (prefers-color-scheme: dark) {
  :root { --page: #181817; --ink: #ecebe6; --quiet: #a9a8a1; --line: #3a3936; --card: #22211f;
    --green: #5ac47c; --blue: #74b0f4; --bad: #ff8a7d; --good: #5ac47c; --gap: #8885; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 62rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; }
header { border-left: 6px solid var(--quiet); padding: 0.25rem 0 0.25rem 1rem; }
header.good { border-color: var(--good); } header.bad { border-color: var(--bad); }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 0.5rem; } header.good strong { color: var(--good); } header.bad strong { color: var(--bad); }
h2 { font-size: 1.2rem; margin: 2.25rem 0 0.5rem; border-bottom: 1px solid var(--line); padding-bottom: 0.25rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0.4rem 0; } .lead { font-size: 1.1rem; font-weight: 600; } p.quiet { color: var(--quiet); font-size: 0.9rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 0.5rem 1.5rem; margin: 1.25rem 0 0; }
dt { color: var(--quiet); font-size: 0.85rem; } dd { margin: 0; }
.timeline { list-style: none; margin: 0.5rem 0; padding: 0; }
.timeline li { display: grid; grid-template-columns: 5rem 1fr; padding: 0.25rem 0 0.25rem 0.75rem; border-left: 3px solid var(--line); }
.timeline li.good { border-color: var(--good); } .timeline li.bad { border-color: var(--bad); } .timeline li.bad span { font-weight: 600; }
time { color: var(--quiet); font-variant-numeric: tabular-nums; }
.legend { font-size: 0.9rem; } .legend span { margin-right: 1.25rem; white-space: nowrap; }
.legend span::before { content: ""; display: inline-block; width: 1.75rem; margin-right: 0.4rem; vertical-align: middle; border-top: 2.5px solid var(--green); }
.legend .key-blue::before { border-top: 2.5px dashed var(--blue); } .legend .key-limit::before { border-top: 2.5px dotted var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.25rem 1.5rem; }
figure { margin: 0; break-inside: avoid; } .chart-title { font-weight: 600; font-size: 0.95rem; }
svg { display: block; width: 100%; height: auto; } svg text { font-family: system-ui, sans-serif; }
figcaption { color: var(--quiet); font-size: 0.85rem; line-height: 1.4; }
li { white-space: pre-line; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; margin: 0.5rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.3rem 1rem 0.3rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--quiet); font-weight: 500; } ul { margin: 0.4rem 0; padding-left: 1.2rem; }
details { margin-top: 1rem; } summary { cursor: pointer; }
.check { border-left: 3px solid var(--line); padding: 0.1rem 0 0.1rem 0.75rem; margin: 1rem 0; break-inside: avoid; }
.check.good { border-color: var(--good); } .check.bad { border-color: var(--bad); }
.check.good h3 strong { color: var(--good); } .check.bad h3 strong { color: var(--bad); }
@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); height: 1px; overflow: hidden; }
  table, tbody, tr, td { display: block; } tr { border-bottom: 1px solid var(--line); padding: 0.3rem 0; }
  td { border: 0; padding: 0; } td:empty { display: none; } td[data-head]:not([data-head=""])::before { content: attr(data-head) ": "; color: var(--quiet); }
}
@media print {
  :root { --page: #fff; --ink: #000; --quiet: #444; --line: #bbb; --green: #157f3b; --blue: #1f66c1; --bad: #b3261e; --good: #157f3b; }
  main { max-width: none; padding: 0; } h2 { break-after: avoid; } .charts { grid-template-columns: 1fr 1fr; }
}
`;
