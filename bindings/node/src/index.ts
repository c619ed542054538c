/**
 * What the package offers under its own name. The replacements of Pabawi's modules have paths of their own
 * (`@pabawi/execution/pabawi/<Name>`); `pabawi.modules` in package.json says what each replaces.
 */
export type * from "./internal/types";
export { platformName } from "./internal/native";
