/** Charts in SVG: ratios as bars, growth as lines. Both axes that carry figures are logarithmic. */

import { isCost, type RuntimeName, runtimeNames } from "./plan.ts";
import type { Outcome } from "./report.ts";

const colors: Record<RuntimeName, string> = { node: "#3c873a", deno: "#5a6acf", bun: "#c7753d" };
const titles: Record<RuntimeName, string> = { node: "Node", deno: "Deno", bun: "Bun" };

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function svg(width: number, height: number, body: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="system-ui, sans-serif" font-size="12" fill="#444">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

function text(x: number, y: number, value: string, anchor: string = "start"): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escape(value)}</text>`;
}

function legend(x: number, y: number): string[] {
  return runtimeNames.flatMap((name, at) => [
    `<rect x="${x + at * 70}" y="${y - 9}" width="10" height="10" fill="${colors[name]}"/>`,
    text(x + at * 70 + 15, y, titles[name]),
  ]);
}

/** How many times better than the main peer, for each workload that has a bar. `undefined` where there is none. */
export function drawRatios(outcomes: readonly Outcome[]): string | undefined {
  const shown = outcomes.filter(({ workload, sides }) => workload.bars !== undefined && sides[1]?.ratio !== undefined);
  if (shown.length === 0) return undefined;
  const names = [...new Set(shown.map(({ workload }) => workload.name))];
  const better = ({ workload, sides }: Outcome): number => isCost(workload) ? 1 / sides[1]!.ratio! : sides[1]!.ratio!;
  const values = shown.map(better);
  const [least, most] = [Math.min(0.5, ...values), Math.max(2, ...values)];
  const [left, right, top, row] = [270, 770, 40, 58];
  const x = (value: number): number => left + (right - left) * Math.log(value / least) / Math.log(most / least);
  const height = top + names.length * row + 30;
  const body: string[] = [...legend(left, 20), text(right, 20, "times as good as the peer", "end")];
  for (const tick of [0.25, 0.5, 1, 2, 4, 8, 16, 32].filter((tick) => tick >= least && tick <= most)) {
    const stroke = tick === 1 ? "#444" : "#ddd";
    body.push(`<line x1="${x(tick)}" x2="${x(tick)}" y1="${top}" y2="${height - 26}" stroke="${stroke}"/>`);
    body.push(text(x(tick), height - 10, `${tick}`, "middle"));
  }
  for (const [at, name] of names.entries()) {
    const y = top + at * row;
    body.push(text(left - 10, y + row / 2, name, "end"));
    for (const [slot, runtime] of runtimeNames.entries()) {
      const outcome = shown.find((each) => each.workload.name === name && each.runtime === runtime);
      if (outcome === undefined) continue;
      const value = better(outcome);
      const [from, to] = [Math.min(x(1), x(value)), Math.max(x(1), x(value))];
      const barY = y + 6 + slot * 16;
      body.push(
        `<rect x="${from.toFixed(1)}" y="${barY}" width="${(to - from).toFixed(1)}" height="13" fill="${
          colors[runtime]
        }"/>`,
        text(to + 4, barY + 11, `${value.toFixed(2)} (${outcome.sides[1]!.name})`),
      );
    }
  }
  return svg(right + 120, height, body);
}

/** Messages a second over connections or sizes, this module's as lines and the main peers' dashed. */
export function drawGrowth(outcomes: readonly Outcome[], prefix: string): string | undefined {
  const shown = outcomes.filter(({ workload, sides }) => workload.name.startsWith(prefix) && sides.length > 0);
  if (shown.length === 0) return undefined;
  const at = ({ workload }: Outcome): number => Number(workload.name.slice(prefix.length));
  const xs = [...new Set(shown.map(at))].sort((a, b) => a - b);
  const figures = shown.flatMap(({ sides }) => sides.slice(0, 2).map(({ figure }) => figure));
  const [low, high] = [
    10 ** Math.floor(Math.log10(Math.min(...figures))),
    10 ** Math.ceil(Math.log10(Math.max(...figures))),
  ];
  const [left, right, top, bottom] = [90, 680, 40, 340];
  const x = (value: number): number =>
    xs.length === 1 ? left : left + (right - left) * Math.log(value / xs[0]!) / Math.log(xs.at(-1)! / xs[0]!);
  const y = (value: number): number => bottom - (bottom - top) * Math.log(value / low) / Math.log(high / low);
  const body: string[] = [...legend(left, 20), text(right, 20, "messages/s; dashed: the peer", "end")];
  for (let tick = low; tick <= high; tick *= 10) {
    body.push(`<line x1="${left}" x2="${right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/>`);
    body.push(text(left - 6, y(tick) + 4, tick.toLocaleString("en"), "end"));
  }
  for (const value of xs) body.push(text(x(value), bottom + 18, label(value, prefix), "middle"));
  for (const runtime of runtimeNames) {
    const own = shown.filter((outcome) => outcome.runtime === runtime).sort((a, b) => at(a) - at(b));
    for (const side of [0, 1]) {
      const points = own.filter(({ sides }) => sides[side] !== undefined).map((outcome) =>
        `${x(at(outcome)).toFixed(1)},${y(outcome.sides[side]!.figure).toFixed(1)}`
      );
      const dash = side === 0 ? "" : ` stroke-dasharray="4 4"`;
      body.push(
        `<polyline points="${points.join(" ")}" fill="none" stroke="${colors[runtime]}" stroke-width="2"${dash}/>`,
      );
    }
  }
  return svg(right + 40, bottom + 30, body);
}

function label(value: number, prefix: string): string {
  if (!prefix.includes("size")) return value.toLocaleString("en");
  return value < 1_024 ? `${value}` : value < 1 << 20 ? `${value / 1_024} Ki` : `${value / (1 << 20)} Mi`;
}
