// Compiles only if the types reject wrong values. `@ts-expect-error` fails if the next line compiles.
import type { NewDevice } from "./client";

const screen = { name: "Reception screen", type: "screen", category: "displays" };

export const minimal: NewDevice = screen;
export const assigned: NewDevice = { ...screen, userId: 7, keyboardLayout: "FRENCH_AZERTY" };

// @ts-expect-error
export const userIsText: NewDevice = { ...screen, userId: "seven" };
// @ts-expect-error
export const layoutIsUnknown: NewDevice = { ...screen, keyboardLayout: "QWERTY" };
// @ts-expect-error
export const categoryIsMissing: NewDevice = { name: "Reception screen", type: "screen" };
