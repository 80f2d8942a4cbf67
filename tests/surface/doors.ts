/** The entry points by name, as their users import them. */

import * as all from "@sockeye/ws";
import * as browser from "@sockeye/ws/browser";
import * as browserReconnecting from "@sockeye/ws/browser/reconnecting";
import * as browserStream from "@sockeye/ws/browser/stream";
import * as bun from "@sockeye/ws/bun";
import * as deno from "@sockeye/ws/deno";
import * as http from "@sockeye/ws/http";
import * as mountBun from "@sockeye/ws/mount/bun";
import * as mountDeno from "@sockeye/ws/mount/deno";
import * as mountNode from "@sockeye/ws/mount/node";
import * as node from "@sockeye/ws/node";
import * as protocol from "@sockeye/ws/protocol";
import * as reconnecting from "@sockeye/ws/reconnecting";
import * as stream from "@sockeye/ws/stream";
import * as testing from "@sockeye/ws/testing";
import { describeAll } from "./describe.ts";

/** What each exports at run time. */
export const doors: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ".": describeAll(all),
  "./http": describeAll(http),
  "./protocol": describeAll(protocol),
  "./deno": describeAll(deno),
  "./bun": describeAll(bun),
  "./node": describeAll(node),
  "./browser": describeAll(browser),
  "./stream": describeAll(stream),
  "./browser/stream": describeAll(browserStream),
  "./reconnecting": describeAll(reconnecting),
  "./browser/reconnecting": describeAll(browserReconnecting),
  "./mount/node": describeAll(mountNode),
  "./mount/deno": describeAll(mountDeno),
  "./mount/bun": describeAll(mountBun),
  "./testing": describeAll(testing),
};
