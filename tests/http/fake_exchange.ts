/** A door that lends a request made of a few words: for what needs no connection. */
import { Fields } from "../../src/protocol/head.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { HttpRequest } from "../../src/http/request.ts";

export class FakeExchange implements Exchange {
  readonly head: Exchange["head"];
  readonly secure = false;
  readonly remote = { transport: "memory" } as const;
  readonly #body: Uint8Array;
  ongone: ((reason: unknown) => void) | undefined;
  reads = 0;

  constructor(method: string, target: string, fields: Iterable<readonly [string, string]>, body: string) {
    this.head = { kind: "request", method, target, version: "1.1", fields: new Fields(fields) };
    this.#body = new TextEncoder().encode(body);
  }

  readBody(): Promise<Uint8Array> {
    this.reads++;
    return Promise.resolve(this.#body);
  }

  takeOver(): never {
    throw new Error("Cannot take over: nothing is behind this door");
  }

  accepted(): void {}

  report(error: unknown): void {
    throw error;
  }
}

/** Makes a request: `fakeRequest("GET", "/path")`. */
export function fakeRequest(
  method: string,
  target: string,
  fields: Iterable<readonly [string, string]> = [["Host", "localhost"]],
  body: string = "",
): HttpRequest {
  return new HttpRequest(new FakeExchange(method, target, fields, body));
}

/** The body of an answer, as text. */
export async function bodyText(body: Uint8Array | ReadableStream<Uint8Array> | null): Promise<string> {
  if (body instanceof ReadableStream) return await new Response(body).text();
  return body === null ? "" : new TextDecoder().decode(body);
}
