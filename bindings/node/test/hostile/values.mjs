// What hostile plugins throw and return, from every method.

const trap = () => {
  throw new Error("trapped");
};
const TRAPS = Object.fromEntries(Object.getOwnPropertyNames(Reflect).map((name) => [name, trap]));

/** Whatever is done with it throws. */
export const trapping = (target = {}) => new Proxy(target, TRAPS);

export function revoked() {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function withGetters(target, ...names) {
  for (const name of names) Object.defineProperty(target, name, { get: trap, enumerable: true });
  return target;
}

export function cycle() {
  const one = { name: "cycle" };
  one.self = one;
  return one;
}

function cyclicCause() {
  const error = new Error("cyclic");
  error.cause = error;
  return error;
}

export function deep(levels) {
  let value = 1;
  for (let level = 0; level < levels; level += 1) value = [value];
  return value;
}

export const THROWN = {
  null: () => null,
  undefined: () => undefined,
  "a text": () => "a text",
  "an empty text": () => "",
  "a number": () => 7,
  NaN: () => NaN,
  "a symbol": () => Symbol("why"),
  "a BigInt": () => 7n,
  "a function": () => () => {},
  "a Proxy that traps everything": () => trapping(),
  "a Proxy of an error that traps everything": () => trapping(new Error("inner")),
  "a revoked Proxy": revoked,
  "an object without a prototype": () => Object.create(null),
  "an error whose getters throw": () => withGetters(new Error("x"), "message", "name", "stack", "cause"),
  "an error whose getters throw a Proxy": () => Object.defineProperty(new Error("x"), "message", { get: () => { throw trapping(); } }),
  "a frozen error": () => Object.freeze(new TypeError("frozen")),
  "an error with a cyclic cause": cyclicCause,
  "an error whose message is no text": () => Object.assign(new Error("x"), { message: { toString: trap }, name: 7, stack: cycle() }),
  "an error that says how it was thrown": () => Object.assign(new Error("forged"), { thrown: { missing: true, atOnce: 1n, unreadable: cycle() } }),
  "an error with a huge message": () => new Error("x".repeat(8 * 1024 * 1024)),
  "an error with half a character": () => new Error("\ud800 and \udfff"),
  "an error whose toJSON throws": () => Object.assign(new Error("x"), { toJSON: trap }),
  "an AggregateError of itself": () => Object.assign(new AggregateError([1, cycle()], "many"), { code: "ECONNREFUSED" }),
  "a cycle": cycle,
  "an object whose getters throw": () => withGetters({}, "a", "toString", "toJSON", "then"),
  "a promise": () => Promise.resolve(1),
  "a deep array": () => deep(100_000),
};

/** What is returned, and whether that is nothing but a failure everywhere. */
export const RETURNED = {
  undefined: [() => undefined, true],
  null: [() => null, false],
  "a number": [() => 7, false],
  "a BigInt": [() => 7n, true],
  "a symbol": [() => Symbol("x"), false],
  "a function": [() => () => {}, false],
  "a cycle": [cycle, true],
  "an object whose getters throw": [() => withGetters({}, "status", "healthy", "facts"), true],
  "a thenable whose getter throws": [() => withGetters({}, "then"), true],
  "a Proxy that traps everything": [() => trapping(), true],
  "a promise of a Proxy that traps everything": [async () => [trapping()], true],
  "a revoked Proxy": [revoked, true],
  "a promise that never settles": [() => new Promise(() => {}), true],
  "a thenable that never settles": [() => ({ then() {} }), true],
  "a thenable whose then throws": [() => ({ then: trap }), true],
  "a thenable that is rejected with a Proxy": [() => ({ then: (_, reject) => reject(trapping()) }), true],
  "a promise that is rejected with nothing": [() => Promise.reject(), true],
  "an array of what is no object": [() => [null, 7, "x", [], true], false],
  "an array with holes": [() => Object.assign([], { length: 1000 }), false],
  "a Date": [() => new Date(0), false],
  "a Date that is none": [() => new Date(NaN), false],
  "a Map": [() => new Map([["a", 1]]), false],
  "a typed array": [() => new Uint8Array(1000), false],
  "an ArrayBuffer": [() => new ArrayBuffer(16), false],
  "a huge text": [() => "x".repeat(32 * 1024 * 1024), false],
  "half a character": [() => "\ud800", false],
  "a deep array": [() => deep(100_000), true],
  "an array as deep as is read": [() => deep(1_000), true],
  "an object whose toJSON throws nothing": [() => ({ toJSON() { throw undefined; } }), true],
  "an object whose toJSON answers with itself": [() => ({ toJSON() { return this; } }), false],
};
