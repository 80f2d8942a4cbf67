/**
 * What a case is made of: what the peer sends, what must come back for it and in which order, and how it must end. The
 * testee sends back every message that it gets.
 */

import type { ErrorCode } from "../../src/protocol/errors.ts";
import { closePayload, type FrameParts, utf8 } from "../frames.ts";

/** What must come back: a message in as many frames as it likes, or a control frame. */
export interface Reply {
  readonly opcode: number;
  readonly payload: Uint8Array;
}

/**
 * How the octets of a step are cut: all in one write, a write for each frame, or for so many octets. The next write waits
 * until the testee has had its turn.
 */
export type Chop = "whole" | "frames" | number;

/** One thing that the peer does, or waits for. */
export type Step =
  /** Frames go out. */
  | { readonly kind: "send"; readonly frames: readonly FrameParts[]; readonly chop: Chop }
  /** A part of a frame goes out: the octets of its payload from one place to another, its header before the first. */
  | { readonly kind: "part"; readonly frame: FrameParts; readonly from: number; readonly to: number }
  /** These come, and nothing else before them. */
  | { readonly kind: "gets"; readonly replies: readonly Reply[] }
  /** Nothing comes, though time passes. */
  | { readonly kind: "silence" }
  /** A frame goes out and comes back, so many times. */
  | { readonly kind: "rounds"; readonly count: number; readonly frame: FrameParts }
  /** The closing handshake is over: this was in the testee's Close frame, and this it says of the end. */
  | { readonly kind: "closed"; readonly payload: Uint8Array; readonly code: number; readonly reason: string }
  /** The testee fails the connection, by itself: this was in its Close frame, and this it says of the reason. */
  | { readonly kind: "failed"; readonly code: number; readonly error: ErrorCode };

/** One case of the catalogue. */
export interface Case {
  /** Its number in the catalogue. */
  readonly id: string;
  readonly steps: readonly Step[];
}

/** Sends frames. */
export function send(frames: readonly FrameParts[], chop: Chop = "whole"): Step {
  return { kind: "send", frames, chop };
}

/** Sends the octets of a frame's payload from one place to another, its header before the first. */
export function part(frame: FrameParts, from: number, to: number): Step {
  return { kind: "part", frame, from, to };
}

/** Waits for messages and pongs. */
export function gets(...replies: readonly Reply[]): Step {
  return { kind: "gets", replies };
}

/** Looks that nothing comes. */
export const silence: Step = { kind: "silence" };

/** Ends the connection with a Close frame, which must come back. */
export function closes(code: number = 1000, reason: string = ""): Step[] {
  return [send([{ opcode: 8, payload: closePayload(code, reason) }]), closed(code, reason)];
}

/** The testee has answered a Close frame with its code and reason. */
export function closed(code: number, reason: string = ""): Step {
  return { kind: "closed", payload: closePayload(code, reason), code, reason };
}

/** The testee has answered an empty Close frame with one. */
export const closedEmpty: Step = { kind: "closed", payload: new Uint8Array(0), code: 1005, reason: "" };

/** The testee fails the connection. */
export function fails(code: number, error: ErrorCode): Step {
  return { kind: "failed", code, error };
}

/** A message in one frame. */
export function text(payload: string | Uint8Array): FrameParts {
  return { opcode: 1, payload };
}

/** A message in one frame. */
export function binary(payload: Uint8Array): FrameParts {
  return { opcode: 2, payload };
}

/** A ping. */
export function ping(payload: string | Uint8Array = ""): FrameParts {
  return { opcode: 9, payload };
}

/** A message in as many frames. */
export function fragments(opcode: number, parts: readonly (string | Uint8Array)[]): FrameParts[] {
  return parts.map((payload, at) => ({ opcode: at === 0 ? opcode : 0, fin: at === parts.length - 1, payload }));
}

/** A message in frames of so many octets, and one of what is left, though that may be nothing. */
export function fragmented(opcode: number, payload: Uint8Array, size: number): FrameParts[] {
  const count = Math.floor(payload.length / size) + 1;
  return fragments(opcode, Array.from({ length: count }, (_, at) => payload.subarray(at * size, (at + 1) * size)));
}

/** What comes back for a frame: itself, or the pong of a ping. */
export function echo({ opcode, payload = "" }: FrameParts): Reply {
  return { opcode: opcode === 9 ? 10 : opcode, payload: typeof payload === "string" ? utf8(payload) : payload };
}

/** A pattern repeated up to a length. */
export function repeated(pattern: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  bytes.set(pattern.subarray(0, length));
  for (let done = pattern.length; done < length; done *= 2) bytes.copyWithin(done, 0, Math.min(done, length - done));
  return bytes;
}

/** A case that ends with a closing handshake. */
export function works(id: string, ...steps: readonly Step[]): Case {
  return { id, steps: [...steps, ...closes()] };
}

/** A case that breaks a rule of the protocol. */
export function breaks(id: string, error: ErrorCode, ...steps: readonly Step[]): Case {
  return { id, steps: [...steps, fails(1002, error)] };
}
