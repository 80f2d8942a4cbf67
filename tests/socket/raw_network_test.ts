/** Raw connections and messages over the real connections of the runtime that runs this. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { MessageHandler } from "../../src/http/message_handler.ts";
import { Server, type ServerOptions } from "../../src/http/server.ts";
import { BINARY, CLOSE, PING, PONG, TEXT } from "../../src/protocol/constants.ts";
import { WebSocketError } from "../../src/protocol/errors.ts";
import { currentRuntime } from "../../src/runtime/current.ts";
import { Message } from "../../src/socket/message.ts";
import { connectRaw } from "../../src/socket/raw.ts";
import { ca, otherCa, serverCert, serverKey } from "../certs.ts";

function echo(options: ServerOptions): Server {
  const handler = new MessageHandler((msg) => {
    msg.response.body = msg.body;
  });
  return new Server({ port: 0, hostname: "127.0.0.1", ...options }, handler, currentRuntime);
}

for (const [name, tls] of [["TCP", undefined], ["TLS", { cert: serverCert, key: serverKey }]] as const) {
  test(`messages go to and fro over ${name}`, async () => {
    const server = echo(tls === undefined ? {} : { tls });
    await server.start();
    const url = server.url("/").replace("127.0.0.1", "localhost");
    const stream = await connectRaw(url, tls === undefined ? "" : { tls: { ca } }, currentRuntime);
    for (const size of [0, 10, 126, 65_536, 1_000_000]) {
      for (const type of [TEXT, BINARY]) {
        const msg = new Message(type);
        msg.write(Uint8Array.from({ length: size }, (_, at) => 0x30 + at % 10));
        const reply = new Message();
        await Promise.all([msg.sendTo(stream), reply.readFrom(stream)]);
        assertEquals([reply.type, reply.length], [type, size]);
        assertEquals(reply.data, msg.data);
      }
    }
    // Many at once, and a ping among them, are answered in their order.
    const sent: Promise<void>[] = [];
    for (let number = 0; number < 100; number++) {
      const msg = new Message(number === 50 ? PING : TEXT);
      msg.write(String(number));
      sent.push(msg.sendTo(stream));
    }
    for (let number = 0; number < 100; number++) {
      const reply = new Message();
      await reply.readFrom(stream);
      assertEquals([reply.type, new TextDecoder().decode(reply.readAll()!)], [
        number === 50 ? PONG : TEXT,
        String(number),
      ]);
    }
    await Promise.all(sent);
    await new Message(CLOSE).sendTo(stream);
    const reply = new Message();
    await reply.readFrom(stream);
    assertEquals(reply.type, CLOSE);
    await assertRejects(() => reply.readFrom(stream), WebSocketError);
    await stream.close();
    await server.close();
  });
}

test("a certificate that is not trusted, and a port where nobody listens, reject", async () => {
  const server = echo({ tls: { cert: serverCert, key: serverKey } });
  await server.start();
  const url = server.url("/").replace("127.0.0.1", "localhost");
  const error = await assertRejects(() => connectRaw(url, { tls: { ca: otherCa } }, currentRuntime), WebSocketError);
  assertEquals(error.code, "WS_CONNECT_FAILED");
  await server.close();
  const refused = await assertRejects(() => connectRaw(url, "", currentRuntime), WebSocketError);
  assertEquals(refused.code, "WS_CONNECT_FAILED");
});

test("who does not read makes the peer wait, and closing lets it go", async () => {
  const server = echo({});
  await server.start();
  const stream = await connectRaw(server.url("/"), "", currentRuntime);
  const msg = new Message();
  msg.write(new Uint8Array(4_000_000));
  let taken = 0;
  // Nobody reads the answers: the server stops reading, and then there is no room for more.
  const sending = Array.from({ length: 20 }, () => msg.sendTo(stream).then(() => taken++, () => {}));
  const first = new Message();
  await first.readFrom(stream);
  assertEquals(first.length, 4_000_000);
  assert(taken < 20, `${taken} of 20 were taken`);
  const reason = new Error("enough");
  await stream.writable.abort(reason);
  await Promise.all(sending);
  await stream.close();
  await server.close();
});
