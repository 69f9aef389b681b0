#include "kubectl-plugin/cluster/report_style.h"

namespace plimsoll::plugin {

const std::string_view kReportStyle = R"css(
:root {
  --ink: #1c2530; --soft: #5b6875; --line: #d9dfe5; --paper: #ffffff; --shade: #f4f6f8;
  --good: #1d7f4e; --bad: #b3261e; --open: #9a6700; --good-bg: #e5f4ec; --bad-bg: #fbe9e7;
  --open-bg: #fff4d6;
}
* { box-sizing: border-box; }
html { background: var(--shade); }
body {
  margin: 0 auto; max-width: 1120px; padding: 40px 48px 64px; background: var(--paper);
  color: var(--ink); font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial,
  "DejaVu Sans", sans-serif; -webkit-print-color-adjust: exact; print-color-adjust: exact;
}
h1 { font-size: 26px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 {
  font-size: 18px; margin: 44px 0 12px; padding-bottom: 6px; border-bottom: 2px solid var(--ink);
}
h3 { font-size: 16px; margin: 0; }
p { margin: 6px 0; }
.when { color: var(--soft); margin: 4px 0 28px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 16px; }
.tile { border: 1px solid var(--line); border-radius: 8px; padding: 14px 18px; }
.tile .number {
  font-size: 34px; line-height: 1.15; font-weight: 650; font-variant-numeric: tabular-nums;
}
.tile .name { color: var(--soft); }
.tile.good .number { color: var(--good); }
.tile.bad .number { color: var(--bad); }
.tile.open .number { color: var(--open); }
.bar {
  display: flex; height: 12px; border-radius: 6px; overflow: hidden; margin: 18px 0 8px;
  background: var(--line);
}
.bar span { display: block; }
.bar .good { background: var(--good); }
.bar .bad { background: var(--bad); }
.bar .open { background: #d9a514; }
table { width: 100%; border-collapse: collapse; font-size: 13.5px; }
th {
  text-align: left; font-weight: 600; color: var(--soft); padding: 6px 12px 6px 0;
  border-bottom: 1px solid var(--line); vertical-align: bottom; white-space: nowrap;
}
td {
  padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word;
}
td.long { overflow-wrap: anywhere; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.name { font-weight: 600; white-space: nowrap; }
td.name.long { white-space: normal; }
.badge {
  display: inline-block; border-radius: 10px; padding: 1px 9px; font-size: 12.5px;
  font-weight: 600; white-space: nowrap; background: var(--shade); color: var(--soft);
}
.badge.good { background: var(--good-bg); color: var(--good); }
.badge.bad { background: var(--bad-bg); color: var(--bad); }
.badge.open { background: var(--open-bg); color: var(--open); }
.card {
  border: 1px solid var(--line); border-left: 5px solid var(--bad); border-radius: 6px;
  padding: 14px 18px; margin: 14px 0;
}
.card header { display: flex; gap: 12px; align-items: baseline; flex-wrap: wrap; }
.card .soft, .soft { color: var(--soft); }
.violation { margin: 10px 0 0; padding: 8px 0 0; border-top: 1px dashed var(--line); }
.violation b { font-weight: 600; }
dl { display: grid; grid-template-columns: 90px 1fr; gap: 2px 12px; margin: 6px 0 0; font-size: 13px; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code, dd.code { font: 12.5px/1.45 ui-monospace, "SF Mono", Consolas, "DejaVu Sans Mono", monospace; }
.todo { background: var(--shade); border-radius: 6px; padding: 8px 12px; margin-top: 12px; font-size: 13.5px; }
.none { color: var(--soft); }
.columns { display: grid; grid-template-columns: 1fr 1fr; gap: 36px; }
footer { margin-top: 48px; color: var(--soft); font-size: 12.5px; border-top: 1px solid var(--line); padding-top: 10px; }
@media screen and (max-width: 760px) {
  body { padding: 24px 18px; }
  .tiles { grid-template-columns: repeat(2, 1fr); }
  .columns { grid-template-columns: 1fr; }
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --ink: #e4e8ec; --soft: #9aa6b2; --line: #36414c; --paper: #161c22; --shade: #1f262e;
    --good: #5fce97; --bad: #ff8f85; --open: #ecc352; --good-bg: #143524; --bad-bg: #45201d;
    --open-bg: #3d3110;
  }
}
@page { size: A4; margin: 16mm 14mm 18mm; }
@media print {
  html { background: none; }
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  h1 { font-size: 18pt; }
  h2 { font-size: 13pt; margin-top: 22pt; break-after: avoid; }
  table { font-size: 8.8pt; }
  thead { display: table-header-group; }
  tr, .card header, .violation, .tile { break-inside: avoid; }
  .card { break-inside: auto; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
  .card header, .card header + p, .card .soft { break-after: avoid; }
  .tiles { gap: 8pt; }
  .tile { padding: 8pt 10pt; }
  footer { margin-top: 18pt; break-before: avoid; }
  .tile .number { font-size: 22pt; }
  code, dd.code { font-size: 8.2pt; }
}
)css";

}  // namespace plimsoll::plugin
