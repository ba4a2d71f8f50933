// Compiles only if the types reject wrong values. `@ts-expect-error` fails if the next line compiles.
import type { components } from "./schema";

type NewDevice = components["schemas"]["NewDevice"];
const screen = { name: "Reception screen", type: "screen", category: "displays" };

export const minimal: NewDevice = screen;
export const assigned: NewDevice = { ...screen, user_id: 7, keyboard_layout: "FRENCH_AZERTY" };

// @ts-expect-error
export const userIsText: NewDevice = { ...screen, user_id: "seven" };
// @ts-expect-error
export const layoutIsUnknown: NewDevice = { ...screen, keyboard_layout: "QWERTY" };
// @ts-expect-error
export const categoryIsMissing: NewDevice = { name: "Reception screen", type: "screen" };
