// Gives `require("zod")` the version that PABAWI_TEST_ZOD names, as a host with that version would.
const Module = require("node:module");

const name = process.env.PABAWI_TEST_ZOD ?? "zod";
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  return resolve.call(this, request.replace(/^zod(?=$|\/)/, name), ...rest);
};
