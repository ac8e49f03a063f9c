/**
 * Checks what a configuration file says, and says in one sentence what is wrong with it.
 *
 * In: any value, and the ids of the rules. Out: a `UserConfig`, or a `ConfigError` that names the key and the nearest known word.
 * Leaves to others: reading files (`load-config.ts`), defaults (`complete-config.ts`).
 */
import * as v from 'valibot';
import { ConfigError } from '../model/errors.ts';
import { nearestName } from './nearest.ts';
import type { UserConfig } from './user-config.ts';

/** The tags that the configuration may give further names to. */
const TAG_NAMES = [
  'globalState', 'io', 'ioOrGs', 'common', 'coroutine', 'coroutineMixed', 'coroutineWrapper', 'noCoroutine', 'runs', 'mainThreadCheck',
  'coroutineCheck', 'asserts', 'switchesTo', 'permissionApi', 'graphState', 'drainBegin', 'drainEnd',
] as const;

const assertionKind = v.picklist(['globalState', 'io', 'ioOrGs', 'graphWritable']);
const predicateKind = v.picklist(['mainThread', 'coroutine']);
const text = v.pipe(v.string(), v.nonEmpty());
const texts = v.array(text);
const flag = v.boolean();

const model = v.strictObject({
  module: text,
  name: text,
  except: v.optional(texts),
  class: v.optional(v.picklist(['globalState', 'io', 'ioOrGs', 'common'])),
  coroutine: v.optional(v.picklist(['coroutine', 'coroutineMixed', 'coroutineWrapper', 'noCoroutine'])),
  runs: v.optional(v.array(v.strictObject({
    param: v.pipe(v.number(), v.integer(), v.minValue(0)),
    context: v.picklist(['globalState', 'io', 'coroutine', 'caller']),
    wait: v.optional(flag),
  }))),
  predicate: v.optional(predicateKind),
  asserts: v.optional(assertionKind),
  switchesTo: v.optional(v.picklist(['globalState', 'io', 'any'])),
  blocking: v.optional(flag),
  permissionApi: v.optional(flag),
});

const levelsOf = (ruleIds: readonly string[]) => v.record(v.picklist(ruleIds), v.picklist(['error', 'warning', 'info', 'off']));

const schemaFor = (ruleIds: readonly string[]) => v.strictObject({
  rules: v.optional(levelsOf(ruleIds)),
  overrides: v.optional(v.array(v.strictObject({ files: texts, rules: levelsOf(ruleIds) }))),
  tags: v.optional(v.record(v.pipe(v.string(), v.regex(/^[A-Za-z][\w]*$/)), v.picklist(TAG_NAMES))),
  assertions: v.optional(v.record(text, assertionKind)),
  predicates: v.optional(v.record(text, predicateKind)),
  models: v.optional(v.array(model)),
  modules: v.optional(v.strictObject({ globalState: v.optional(texts), io: v.optional(texts), common: v.optional(texts) })),
  unresolved: v.optional(v.picklist(['assume-safe', 'as-declared', 'assume-global-state'])),
  expireFactsAtAwait: v.optional(flag),
  exclude: v.optional(texts),
});

/** `source` is how the file is named to the user. */
export function validateConfig(value: unknown, ruleIds: readonly string[], source: string): UserConfig {
  if (Array.isArray(value)) {
    throw new ConfigError('invalid-config', `${source}: the configuration must be an object, not a list.`, 'The README lists every key with its form.');
  }
  const schema = schemaFor(ruleIds);
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const { message, hint } = describeIssue(result.issues[0], schema);
  throw new ConfigError('invalid-config', `${source}: ${message}`, hint);
}

function describeIssue(issue: v.BaseIssue<unknown>, schema: v.GenericSchema): { message: string; hint: string } {
  const path = issue.path ?? [];
  const last = path.at(-1);
  const where = nameOf(path);
  const known = knownWords(issue);

  if (issue.type === 'strict_object' && issue.expected === 'never' && last !== undefined) {
    return unknownWord(`unknown key ${quote(where)}`, String(last.key), keysAt(schema, path.slice(0, -1)), 'Known keys');
  }
  if (issue.type === 'strict_object' && issue.input === undefined && last !== undefined) {
    return { message: `${quote(where)} is missing.`, hint: `Add the key ${quote(where)}.` };
  }
  if (last !== undefined && 'origin' in last && last.origin === 'key') {
    if (known.length > 0) return unknownWord(`unknown rule ${quote(String(last.key))} in ${quote(nameOf(path.slice(0, -1)))}`, String(last.key), known, 'Known rules');
    return { message: `${quote(String(last.key))} cannot be a name in ${quote(nameOf(path.slice(0, -1)))}.`, hint: 'A name is made of letters, digits and underscores, without @.' };
  }
  if (issue.type === 'picklist' && typeof issue.input === 'string') {
    return unknownWord(`${quote(where)} cannot be ${quote(issue.input)}`, issue.input, known, 'Known values');
  }
  const subject = path.length === 0 ? 'the configuration' : quote(where);
  return { message: `${subject} must be ${expectationOf(issue, known)}, not ${kindOf(issue.input)}.`, hint: 'The README lists every key with its form.' };
}

function unknownWord(problem: string, written: string, known: readonly string[], label: string): { message: string; hint: string } {
  const nearest = nearestName(written, known);
  return {
    message: nearest === undefined ? `${problem}.` : `${problem}; did you mean ${quote(nearest)}?`,
    hint: `${label}: ${known.join(', ')}.`,
  };
}

/** A picklist tells what it takes as `("a" | "b")`. */
function knownWords(issue: v.BaseIssue<unknown>): string[] {
  return issue.type === 'picklist' ? [...(issue.expected ?? '').matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '') : [];
}

const EXPECTATIONS: Readonly<Record<string, string>> = {
  strict_object: 'an object', record: 'an object', array: 'a list', string: 'a string', boolean: 'true or false', number: 'a number',
  integer: 'a whole number', min_value: '0 or more', non_empty: 'a string with something in it',
};

function expectationOf(issue: v.BaseIssue<unknown>, known: readonly string[]): string {
  return known.length > 0 ? `one of ${known.join(', ')}` : EXPECTATIONS[issue.type] ?? (issue.expected ?? 'something else');
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? JSON.stringify(value) : `a ${typeof value}`;
}

function nameOf(path: readonly { readonly key: unknown }[]): string {
  return path.map(({ key }, index) => (typeof key === 'number' ? `[${String(key)}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('');
}

/** The keys of the object schema that the path leads to. */
function keysAt(schema: v.GenericSchema, path: readonly { readonly key: unknown }[]): string[] {
  let at: unknown = unwrap(schema);
  for (const { key } of path) {
    if (hasEntries(at)) at = unwrap(at.entries[String(key)]);
    else if (isObject(at) && 'item' in at) at = unwrap(at.item);
    else return [];
  }
  return hasEntries(at) ? Object.keys(at.entries) : [];
}

function unwrap(schema: unknown): unknown {
  return isObject(schema) && 'wrapped' in schema ? schema.wrapped : schema;
}

function hasEntries(schema: unknown): schema is { readonly entries: Readonly<Record<string, unknown>> } {
  return isObject(schema) && isObject(schema['entries']);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function quote(word: string): string {
  return JSON.stringify(word);
}
