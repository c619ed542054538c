// Makes the packages of platforms for a release: `npm run platforms -- <folder>`. The folder has the addons that the build
// matrix made; each becomes a package `@pabawi/execution-<platform>` of that one file in `npm/<platform>`, and the package
// itself, without any addon, goes to `npm/main` with all of them as optional dependencies of its own version. Nothing is published.
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = join(dirname(fileURLToPath(import.meta.url)), "..");
const { PLATFORMS } = createRequire(import.meta.url)("../internal/platforms.js");
const from = process.argv[2] ?? join(here, "addon");
const to = process.argv[3] ?? join(here, "npm");
const manifest = JSON.parse(readFileSync(join(here, "package.json"), "utf8"));
const write = (place, value) => writeFileSync(join(place, "package.json"), `${JSON.stringify(value, null, 2)}\n`);

rmSync(to, { recursive: true, force: true });
const made = [];
for (const [platform, { os, cpu, libc }] of Object.entries(PLATFORMS)) {
  const file = `pabawi-node.${platform}.node`;
  if (!existsSync(join(from, file))) continue;
  const place = join(to, platform);
  mkdirSync(place, { recursive: true });
  copyFileSync(join(from, file), join(place, file));
  const { version, license, repository, engines } = manifest;
  const name = `${manifest.name}-${platform}`;
  const only = { os: [os], cpu: [cpu], ...(libc === undefined ? {} : { libc: [libc] }) };
  write(place, { name, version, description: `The native half of ${manifest.name} for ${platform}`, license, repository, engines, ...only, main: file, files: [file] });
  made.push(name);
}
if (made.length === 0) throw new Error(`there is no addon of a known platform in ${from}`);

const main = join(to, "main");
for (const part of manifest.files.filter((part) => part !== "addon")) cpSync(join(here, part), join(main, part), { recursive: true });
const { scripts, devDependencies, ...rest } = manifest;
const optionalDependencies = Object.fromEntries(made.map((name) => [name, manifest.version]));
write(main, { ...rest, files: manifest.files.filter((part) => part !== "addon"), optionalDependencies });
console.log(`made ${join(to, "main")} and ${made.join(", ")}`);
