/** The connections in memory, against the contract. */
import { memoryPair } from "../../src/runtime/memory.ts";
import { transportContract } from "./contract.ts";

transportContract({
  name: "memory pair",
  inFlight: 65_536,
  connect: () => {
    const [near, far] = memoryPair();
    return Promise.resolve({ near, far, close: () => Promise.resolve() });
  },
});
