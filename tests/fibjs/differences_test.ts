/** Each difference that the page "Coming from fibjs" tells of is true. */

import { test } from "node:test";
import { differences } from "./differences.ts";

for (const [name, prove] of Object.entries(differences)) test(`difference: ${name}`, prove);
