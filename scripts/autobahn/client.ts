/**
 * The client that a fuzzing server is pointed at: it asks how many cases there are, sends back what it gets in each of
 * them, with compression, and has the reports written. Ends with 0 when all cases have run, whatever came of them:
 * `grade.ts` reads that in the reports.
 *
 * Usage: client [url] [agent]
 */

import process from "node:process";
import { Socket } from "@sockeye/ws";

const [url = "ws://127.0.0.1:9001", agent = "sockeye"] = process.argv.slice(2);
const base = url.replace(/\/$/, "");
const query = `agent=${encodeURIComponent(agent)}`;

function connect(path: string): Socket {
  return new Socket(`${base}${path}`, { perMessageDeflate: true });
}

/** Resolves when a connection is over, with its first message. Rejects where it never opened. */
function over(conn: Socket, onmessage: (data: unknown) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let opened = false;
    conn.onopen = () => opened = true;
    conn.onmessage = ({ data }) => onmessage(data);
    conn.onerror = ({ error }) => {
      if (!opened) reject(error);
    };
    conn.onclose = () => resolve();
  });
}

let count = 0;
await over(connect("/getCaseCount"), (data) => count = Number(data));
if (!(count > 0)) throw new Error(`Cannot run: the fuzzing server says that there are ${count} cases`);
for (let number = 1; number <= count; number++) {
  const conn = connect(`/runCase?case=${number}&${query}`);
  await over(conn, (data) => conn.send(data));
}
await over(connect(`/updateReports?${query}`), () => {});
console.log(`${agent}: ${count} cases have run`);
