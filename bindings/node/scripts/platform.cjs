// The name of the addon's file on this platform. The loader (src/internal/native.ts) has the same rule; a test compares.
const libc = () =>
  process.platform !== "linux" ? "" : process.report.getReport().header.glibcVersionRuntime ? "-gnu" : "-musl";

exports.addonName = () => `pabawi-node.${process.platform}-${process.arch}${libc()}.node`;
