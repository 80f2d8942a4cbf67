/** What is compared with what: the workloads, the peers of each runtime, and the bars. */

/** The runtimes, by the name that the results carry. */
export const runtimeNames = ["node", "deno", "bun"] as const;

/** The name of a runtime. */
export type RuntimeName = typeof runtimeNames[number];

/** What is measured at a server, by `load.ts`. */
export interface ServerWorkload {
  readonly kind: "echo" | "compressed" | "broadcast" | "handshakes" | "idle";
  readonly connections: number;
  readonly inflight: number;
  /** Bytes of a message. */
  readonly size: number;
  readonly type: "text" | "binary";
  readonly tls: boolean;
  readonly deflate: boolean;
}

/** What is measured at a client, by `clients/client.ts`. */
export interface ClientWorkload {
  readonly kind: "receive" | "send";
  readonly size: number;
  readonly type: "text" | "binary";
  readonly tls: boolean;
}

/** The time that `import` takes. */
export interface ImportWorkload {
  readonly kind: "import";
}

/** A workload and what is wanted of it. */
export interface Workload {
  readonly name: string;
  readonly group: "echo" | "broadcast" | "handshakes" | "memory" | "compressed" | "client" | "tls" | "start" | "growth";
  readonly what: ServerWorkload | ClientWorkload | ImportWorkload;
  /** Of the figure, as the table names it. More is better, but of bytes and milliseconds. */
  readonly unit: "messages/s" | "deliveries/s" | "handshakes/s" | "bytes" | "ms";
  /** The least ratio to the main peer, or the most where less is better. */
  readonly bars?: Partial<Record<RuntimeName, number>>;
}

/** Whether less is better. */
export function isCost({ unit }: Workload): boolean {
  return unit === "bytes" || unit === "ms";
}

type Bars = readonly [node: number, deno: number | undefined, bun: number];

function barsOf([node, deno, bun]: Bars): Workload["bars"] {
  return { node, bun, ...(deno === undefined ? {} : { deno }) };
}

function sizeText(size: number): string {
  return size < 1024 ? `${size} B` : size < 1 << 20 ? `${size / 1024} KiB` : `${size / (1 << 20)} MiB`;
}

type Shape = readonly [connections: number, inflight: number, size: number, type: "text" | "binary"];

function server(
  kind: ServerWorkload["kind"],
  [connections, inflight, size, type]: Shape,
  extra: Partial<ServerWorkload> = {},
): ServerWorkload {
  return { kind, connections, inflight, size, type, tls: false, deflate: false, ...extra };
}

function echo(shape: Shape, bars?: Bars, group: Workload["group"] = "echo"): Workload {
  const [connections, inflight, size, type] = shape;
  return {
    name: `echo ${connections} x ${inflight} of ${sizeText(size)} ${type}`,
    group,
    what: server("echo", shape, { tls: group === "tls" }),
    unit: "messages/s",
    ...(bars === undefined ? {} : { bars: barsOf(bars)! }),
  };
}

function overTls(shape: Shape): Workload {
  const workload = echo(shape, undefined, "tls");
  return { ...workload, name: `${workload.name}, TLS` };
}

function broadcast(size: number, inflight: number, bars?: Bars): Workload {
  return {
    name: `broadcast ${sizeText(size)} to 1000, ${inflight} in flight`,
    group: "broadcast",
    what: server("broadcast", [1_000, inflight, size, "text"]),
    unit: "deliveries/s",
    ...(bars === undefined ? {} : { bars: barsOf(bars)! }),
  };
}

function compressed(size: number, bars?: Bars): Workload {
  return {
    name: `compressed echo 16 x 16 of ${sizeText(size)} JSON`,
    group: "compressed",
    what: server("compressed", [16, 16, size, "text"], { deflate: true }),
    unit: "messages/s",
    ...(bars === undefined ? {} : { bars: barsOf(bars)! }),
  };
}

function memory(connections: number, deflate: boolean, bars?: Bars): Workload {
  return {
    name: `memory of an idle connection, of ${connections}${deflate ? ", compressed" : ""}`,
    group: "memory",
    what: server("idle", [connections, 1, 200, "text"], { deflate }),
    unit: "bytes",
    ...(bars === undefined ? {} : { bars: barsOf(bars)! }),
  };
}

function client(kind: "receive" | "send", size: number, type: "text" | "binary", tls: boolean = false): Workload {
  return {
    name: `client ${kind === "receive" ? "receives" : "sends"} ${sizeText(size)} ${type}${tls ? ", TLS" : ""}`,
    group: tls ? "tls" : "client",
    what: { kind, size, type, tls },
    unit: "messages/s",
  };
}

/** Sizes of the chart, in bytes; so many messages on their way that they are 16 MiB at most. */
export const sizes: readonly number[] = [16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1 << 20, 1 << 22, 1 << 24];
/** Connections of the chart. */
export const connectionCounts: readonly number[] = [10, 100, 1_000, 10_000];

/** All of them; those that have bars first. */
export const workloads: readonly Workload[] = [
  echo([64, 1, 32, "text"], [1.25, 1.1, 1]),
  echo([16, 64, 32, "text"], [12, 8, 1.1]),
  echo([16, 64, 1_024, "binary"], [7, 7, 1.1]),
  echo([4, 4, 65_536, "binary"], [3, 1, 1]),
  echo([2, 2, 1 << 20, "binary"], [2, 1, 1]),
  broadcast(128, 1, [3, 3, 1]),
  broadcast(128, 16, [3, 3, 1]),
  {
    name: "handshakes",
    group: "handshakes",
    what: server("handshakes", [0, 16, 0, "text"]),
    unit: "handshakes/s",
    bars: { node: 1.5, deno: 1, bun: 1 },
  },
  compressed(200, [4, undefined, 1]),
  memory(10_000, false, [0.6, 0.6, 1.5]),
  memory(10_000, true, [0.6, undefined, 1.5]),

  echo([1, 1, 32, "text"]),
  echo([1_000, 1, 32, "text"]),
  echo([16, 64, 32, "binary"]),
  echo([16, 64, 1_024, "text"]),
  echo([1, 1, 1 << 24, "binary"]),
  broadcast(4_096, 1),
  compressed(4_096),
  client("receive", 32, "text"),
  client("receive", 1_024, "binary"),
  client("receive", 65_536, "binary"),
  client("send", 32, "text"),
  client("send", 1_024, "binary"),
  client("send", 65_536, "binary"),
  overTls([64, 1, 32, "text"]),
  overTls([16, 64, 1_024, "binary"]),
  { name: "import", group: "start", what: { kind: "import" }, unit: "ms" },
  ...connectionCounts.map((count) => growth(`connections ${count}`, [count, 1, 32, "text"])),
  ...sizes.map((size) => growth(`size ${size}`, [4, Math.max(1, Math.min(16, (1 << 22) / size)), size, "binary"])),
];

function growth(name: string, shape: Shape): Workload {
  return { name: `growth: ${name}`, group: "growth", what: server("echo", shape), unit: "messages/s" };
}

/** Whom the module is compared with on each runtime; the main peer first. */
export const peers: Record<"server" | "client" | "import", Record<RuntimeName, readonly string[]>> = {
  server: { node: ["ws", "crossws"], deno: ["native", "ws", "crossws"], bun: ["native", "ws", "crossws"] },
  client: { node: ["ws", "native"], deno: ["native", "ws"], bun: ["native", "ws"] },
  import: { node: ["ws", "crossws"], deno: ["ws", "crossws"], bun: ["ws", "crossws"] },
};

/** The peers of a workload on a runtime. Deno's own knows no compression; crossws has no option for it there, nor on Bun. */
export function peersOf({ what }: Workload, runtime: RuntimeName): readonly string[] {
  const kind = what.kind === "import"
    ? "import"
    : what.kind === "receive" || what.kind === "send"
    ? "client"
    : "server";
  const all = peers[kind][runtime];
  if (!("deflate" in what) || !what.deflate || runtime === "node") return all;
  return all.filter((peer) => peer === "ws" || (peer === "native" && runtime === "bun"));
}
