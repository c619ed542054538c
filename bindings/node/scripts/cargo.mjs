// What cargo makes for this package. Each part by itself, unless PABAWI_WORKSPACE_BUILT says that the whole workspace and its tests
// are built anyway: as parts of them nothing is compiled again, where by itself one has tokio, and so nearly all, with other features.
import { execFileSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's folder. */
export const here = join(dirname(fileURLToPath(import.meta.url)), "..");

/** Builds, and gives the file of a target of it that `isWanted` says yes to. */
export function built(target, args, isWanted) {
  const cargo = process.env.CARGO ?? "cargo";
  const output = execFileSync(cargo, ["build", "--locked", "--message-format", "json-render-diagnostics", ...args], {
    cwd: here,
    encoding: "utf8",
    maxBuffer: 256 * 1024 * 1024,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const file = output
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line))
    .filter((message) => message.reason === "compiler-artifact" && message.target.name === target)
    .flatMap((message) => message.filenames)
    .find(isWanted);
  if (file === undefined) {
    throw new Error(`cargo did not say where ${target} is`);
  }
  return file;
}

/** What is built: the part that `args` name, or all that the workspace's tests have built already. */
export const orWorkspace = (...args) =>
  process.env.PABAWI_WORKSPACE_BUILT === "1" ? ["--workspace", "--lib", "--examples", "--bin", "pabawi-postgres"] : args;

/** The program that starts a PostgreSQL server for tests. */
export const postgresProgram = () =>
  built("pabawi-postgres", orWorkspace("-p", "pabawi-testkit", "--bin", "pabawi-postgres"), () => true);
