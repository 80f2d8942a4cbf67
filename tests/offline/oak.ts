/**
 * Oak where JSR does not answer: its build for npm, three major versions older, whose answers are of undici's `Response`
 * and not of Deno's. Here they become Deno's; all else is Oak's own.
 */

import { Application as NpmApplication } from "npm:@oakserver/oak@14.1.0";

/** What is used of an answer, whoever's class it is of. */
interface Answer {
  readonly status: number;
  readonly headers: Iterable<[string, string]>;
  readonly body: BodyInit | null;
}

/** Oak's application. */
export class Application {
  readonly #application: NpmApplication = new NpmApplication();

  /** Adds a middleware. */
  use(middleware: (context: { response: { body: unknown } }) => unknown): this {
    this.#application.use(middleware);
    return this;
  }

  /** Answers a request of `Deno.serve`. */
  async handle(request: Request): Promise<Response | undefined> {
    const answer = await this.#application.handle(request as never) as unknown as Answer | undefined;
    if (answer === undefined) return undefined;
    const { status, headers, body } = answer;
    return new Response(body, { status, headers: [...headers] });
  }
}
