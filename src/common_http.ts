/**
 * What the front doors share of the HTTP side: all that needs no runtime.
 *
 * @module
 */

export { CookieJar } from "./http/cookie_jar.ts";
export { Chain, handler, Routing } from "./http/handler.ts";
export { HttpRequest } from "./http/request.ts";
export { HttpResponse } from "./http/response.ts";
export { upgrade } from "./http/upgrade.ts";
export type * from "./types.ts";
