/**
 * A client that sends what it is told to, prints what comes back, and closes.
 *
 *   deno run -A examples/client.ts [url] [text ...]
 */

import process from "node:process";
import * as ws from "@sockeye/ws";

const [url = "ws://127.0.0.1:8080/ws", ...texts] = process.argv.slice(2);
if (texts.length === 0) texts.push("Hello");

const conn = new ws.Socket(url);
let missing = texts.length;
conn.onopen = () => {
  for (const text of texts) conn.send(text);
};
conn.onmessage = (e) => {
  console.log(e.data);
  if (--missing === 0) conn.close(1000, "That was all");
};
conn.onerror = (e) => console.error(e.reason);
conn.onclose = (e) => console.log(`closed with ${e.code} ${e.reason}`);
