/** Deno's connections, against the contract; and what is Deno's alone. */
import { test } from "node:test";
import { readFileSync } from "node:fs";
import process from "node:process";
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import type { Runtime, Transport } from "../../src/socket/transport.ts";
import { ca, serverCert, serverKey } from "../certs.ts";
import { End, quiet, within } from "./end.ts";
import { runtimeContract } from "./runtime_contract.ts";

const isDeno = "Deno" in globalThis;
const skip = isDeno ? false : "needs Deno";
const LOOPBACK = { transport: "tcp", hostname: "127.0.0.1", port: 0 } as const;
const tls = { cert: serverCert, key: serverKey };

async function load(): Promise<Runtime> {
  return (await import("../../src/runtime/deno.ts")).denoRuntime;
}

/** All of the contract, for TLS over unix sockets. */
function noTlsOverUnix(): Record<string, string> {
  const contract = readFileSync(new URL("./contract.ts", import.meta.url), "utf8");
  const names = [...contract.matchAll(/^ {2}"(.+)": (?:async )?\(/gm)].map(([, name]) => `tls over unix: ${name}`);
  return Object.fromEntries(names.map((name) => [name, "Deno has TLS over TCP only"]));
}

const untrusted = "Deno has no such option, only a flag at its start";
const isOld = /^2\.4\./.test(process.versions.deno ?? "");

runtimeContract({
  name: "deno",
  ...(isDeno ? {} : { unavailable: "needs Deno" }),
  load,
  skip: isDeno
    ? {
      ...noTlsOverUnix(),
      "takes an untrusted certificate when told to": untrusted,
      "takes an untrusted certificate with an authority when told to": untrusted,
      ...(isOld ? { "takes a certificate for another name when told to": "Deno 2.4 has no such option" } : {}),
      "leaves nothing when a signal is aborted in the handshake":
        "Deno closes the socket only when the server has answered or left",
    }
    : {},
});

/** Two ends of a connection over TCP. */
async function ends(runtime: Runtime): Promise<{ near: End; far: End; close(): Promise<void> }> {
  let accept = (_transport: Transport): void => {};
  const accepted = new Promise<Transport>((resolve) => accept = resolve);
  const listener = await runtime.listen(LOOPBACK, (transport) => accept(transport));
  if (listener.address.transport !== "tcp") throw new Error("The listener has no port");
  const near = new End("near", await runtime.connect(listener.address));
  const far = new End("far", await accepted);
  return { near, far, close: () => listener.close() };
}

test("deno: refuses TLS over a unix socket", { skip }, async () => {
  const runtime = await load();
  const where = { transport: "unix", path: "/nowhere" } as const;
  const wanted = "/nowhere: got a unix socket with TLS, Deno has TLS over TCP only";
  await assertRejects(() => runtime.connect({ ...where, tls: { ca } }), Error, `Cannot connect to ${wanted}`);
  await assertRejects(() => runtime.listen({ ...where, tls }, () => {}), Error, `Cannot listen on ${wanted}`);
});

test("deno: who is gone before being accepted keeps nobody waiting", { skip }, async () => {
  const runtime = await load();
  const deno = Reflect.get(globalThis, "Deno") as {
    listen: unknown;
    errors: Record<"NotConnected" | "ConnectionAborted", new () => Error>;
  };
  const { listen, errors } = deno;
  const asked = new Promise<void>((resolve) => {
    let count = 0;
    const accept = (): Promise<never> => {
      if (count++ < 400) return Promise.reject(new errors[count % 2 === 0 ? "NotConnected" : "ConnectionAborted"]());
      resolve();
      return new Promise(() => {});
    };
    deno.listen = () => ({ addr: { hostname: "127.0.0.1", port: 1 }, accept, close() {} });
  });
  try {
    await runtime.listen(LOOPBACK, () => {});
    await within(asked, "a connection behind 400 that were reset");
  } finally {
    deno.listen = listen;
  }
});

test("deno: names the flag that an untrusted certificate needs", { skip }, async () => {
  const runtime = await load();
  const listener = await runtime.listen({ ...LOOPBACK, tls }, () => {});
  const { address } = listener;
  if (address.transport !== "tcp") throw new Error("The listener has no port");
  const error = await assertRejects(
    () => runtime.connect({ ...address, tls: { rejectUnauthorized: false } }),
    Error,
    "--unsafely-ignore-certificate-errors",
  );
  assertMatch(error.message, /^Cannot connect to 127\.0\.0\.1:\d+: invalid peer certificate: UnknownIssuer, /);
  await listener.close();
});

test("deno: refuses a client certificate together with another name", { skip }, async () => {
  const runtime = await load();
  await assertRejects(
    () => runtime.connect({ ...LOOPBACK, port: 1, tls: { ...tls, servername: "sni.test" } }),
    Error,
    'got a client certificate and the servername "sni.test"',
  );
});

test("deno: brings what came before a write found the connection broken", { skip }, async () => {
  const { near, far, close } = await ends(await load());
  far.open();
  far.pause();
  far.send(50_000);
  near.send(100_000);
  await quiet();
  // With unread bytes it is a reset.
  far.abort();
  await quiet();
  near.send(1);
  await quiet();
  near.open();
  await near.untilOver();
  assertEquals(near.received, far.sent);
  near.abort();
  near.check();
  await close();
});
