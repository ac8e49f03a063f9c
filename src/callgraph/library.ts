/**
 * What functions of the language's library do with functions that are handed to them: data, no code.
 *
 * A library function without an entry calls each function it is given, at once, and gives none back.
 */

/** Keep their arguments in the object they are called on. */
export const STORES: ReadonlySet<string> = new Set([
  'Array.push', 'Array.unshift', 'Array.splice', 'Array.fill', 'Array.with', 'Array.toSpliced', 'Map.set', 'WeakMap.set', 'Set.add', 'WeakSet.add', 'Reflect.set',
]);

/** Give back what they are handed. */
export const PASSES_ARGUMENTS: ReadonlySet<string> = new Set([
  'Promise.resolve', 'Promise.all', 'Promise.race', 'Promise.any', 'Promise.allSettled', 'Promise.withResolvers', 'Object.freeze', 'Object.seal', 'Object.assign', 'Object.values', 'Object.entries',
  'Object.fromEntries', 'Object.create', 'Object.defineProperty', 'Array.from', 'Array.of', 'Array.concat', 'Array.new', 'Map.new', 'Set.new', 'WeakMap.new', 'WeakSet.new', 'WeakRef.new', 'Reflect.get',
]);

/** Take functions without calling them. */
export const CALLS_NOTHING: ReadonlySet<string> = new Set([
  'Array.includes', 'Array.indexOf', 'Array.lastIndexOf', 'Set.has', 'Set.delete', 'Map.has', 'Map.get', 'Map.delete', 'WeakMap.has', 'WeakMap.get', 'WeakMap.delete', 'WeakSet.has', 'WeakSet.delete',
  'Object.is', 'Object.keys', 'Object.freeze', 'Object.seal', 'Object.assign', 'Object.values', 'Object.entries', 'Object.fromEntries', 'Object.create', 'Object.defineProperty', 'Object.getPrototypeOf',
  'Object.setPrototypeOf', 'Object.getOwnPropertyNames', 'Object.hasOwn', 'Object.isFrozen', 'Object.isSealed', 'Object.isExtensible', 'Object.preventExtensions', 'Object.defineProperties',
  'Object.getOwnPropertySymbols', 'Object.getOwnPropertyDescriptor', 'Object.getOwnPropertyDescriptors', 'Reflect.getPrototypeOf', 'Reflect.deleteProperty', 'Reflect.defineProperty', 'Promise.resolve', 'Promise.reject', 'Promise.all', 'Promise.race', 'Promise.any', 'Promise.allSettled', 'Array.isArray', 'Array.of',
  'Array.concat', 'Array.join', 'Array.new', 'Map.new', 'Set.new', 'WeakMap.new', 'WeakSet.new', 'WeakRef.new', 'String', 'Boolean', 'JSON.stringify', 'Console.log', 'Console.error', 'Console.warn', 'Console.info',
  'Console.debug', 'EventEmitter.off', 'EventEmitter.removeListener', 'EventTarget.removeEventListener', 'Reflect.get', 'Reflect.has', 'Reflect.ownKeys', 'Error.captureStackTrace', 'structuredClone', 'inspect', 'format',
]);

/** Give back nothing of what they are called on: what their callback returns, or a plain value. */
export const LEAVES_RECEIVER: ReadonlySet<string> = new Set([
  'Array.map', 'Array.flatMap', 'Array.reduce', 'Array.reduceRight', 'Array.some', 'Array.every', 'Array.forEach', 'Array.findIndex', 'Array.findLastIndex', 'Array.join', 'Array.includes', 'Array.indexOf',
  'Array.lastIndexOf', 'Array.push', 'Array.unshift', 'Array.keys', 'Map.has', 'Map.delete', 'Map.forEach', 'Set.has', 'Set.delete', 'Set.forEach', 'WeakMap.has', 'WeakMap.delete', 'WeakSet.has', 'WeakSet.delete',
]);

/** Their functions work on text and numbers: they give no function back. All but those of strings call none either. */
const PLAIN_TYPES: ReadonlySet<string> = new Set(['String', 'RegExp', 'Number', 'BigInt', 'Math', 'Date']);

export function isOfPlainType(name: string): boolean {
  return name.includes('.') && PLAIN_TYPES.has(name.slice(0, name.indexOf('.')));
}

/** The member name without its library's own type variants (`ReadonlyArray`, `PromiseLike`, …). */
export function libraryName(name: string): string {
  return name
    .replace(/^(Readonly|Concat)?Array\b/, 'Array')
    .replace(/^Readonly(Map|Set)\b/, '$1')
    .replace(/^PromiseLike\b/, 'Promise')
    .replace(/^NodeJS\./, '')
    .replace(/^(\w+)\.\1\b/, '$1');
}
