/**
 * Lists of functions with their classes, such as an inventory of a header.
 *
 * In: the text of a JSON file: a list of entries, or an object whose `functions` and `slots` are lists, as `gsio classify` prints it.
 * Out: entries in one form. A file that is none is a `ConfigError`.
 */
import { ConfigError } from '../model/errors.ts';
import type { AssertionKind, ClassTag, CoroutineTag } from '../model/summary.ts';

export interface ListEntry {
  /** As findings name it: `bdrvOpen`, `Disk.read`. */
  readonly name: string;
  /** The base name of the module that declares or exports it, or the name of its file. */
  readonly module: string | null;
  readonly file: string | null;
  readonly class: ClassTag | null;
  readonly coroutine: CoroutineTag | null;
  readonly assertion: Exclude<AssertionKind, 'graphWritable'> | null;
}

const CLASSES: Readonly<Record<string, ClassTag>> = {
  globalstate: 'globalState', gs: 'globalState', io: 'io', ioorgs: 'ioOrGs', gsorio: 'ioOrGs', common: 'common',
};
const COROUTINES: Readonly<Record<string, CoroutineTag>> = {
  coroutine: 'coroutine', coroutinemixed: 'coroutineMixed', mixed: 'coroutineMixed', coroutinewrapper: 'coroutineWrapper', wrapper: 'coroutineWrapper', nocoroutine: 'noCoroutine',
};

type Fields = Readonly<Record<string, unknown>>;

/** `written` is how the user named the file. */
export function parseList(text: string, written: string): ListEntry[] {
  let content: unknown;
  try {
    content = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw wrong(written, `is not JSON (${error instanceof Error ? error.message : String(error)})`);
  }
  const lists = Array.isArray(content) ? [content] : isFields(content) ? [content['functions'], content['slots']].filter((list) => Array.isArray(list)) : [];
  if (lists.length === 0) throw wrong(written, 'holds no list of functions');
  return lists.flat().map((entry, index) => {
    if (!isFields(entry)) throw wrong(written, `has an entry [${String(index)}] that is no object`);
    return entryOf(entry, index, written);
  });
}

function entryOf(entry: Fields, index: number, written: string): ListEntry {
  const name = nameOf(entry);
  if (name === null) throw wrong(written, `has an entry [${String(index)}] without a name`);
  const at = `[${String(index)}] (${name})`;
  const tag = wordOf(entry['class'], CLASSES, `a class of ${at}`, written);
  const assertion = wordOf(entry['assertion'], CLASSES, `an assertion of ${at}`, written);
  const asserted = assertion ?? (entry['asserted'] === true ? tag : null);
  return {
    name,
    module: textOf(entry['module']),
    file: textOf(entry['file']),
    class: tag,
    coroutine: coroutineOf(entry, at, written),
    assertion: asserted === 'common' ? null : asserted,
  };
}

function nameOf(entry: Fields): string | null {
  const slot = textOf(entry['slot']);
  const table = textOf(entry['table']);
  if (slot !== null && table !== null) return `${table}.${slot}`;
  return textOf(entry['tsName']) ?? textOf(entry['function']) ?? textOf(entry['name']);
}

/** `true`, or the word of a tag. Something that a generator makes from a coroutine is a wrapper. */
function coroutineOf(entry: Fields, at: string, written: string): CoroutineTag | null {
  if (entry['generatedCoWrapper'] === true) return 'coroutineWrapper';
  const value = entry['coroutine'];
  if (typeof value === 'boolean') return value ? 'coroutine' : null;
  return wordOf(value, COROUTINES, `a coroutine kind of ${at}`, written);
}

/** Case and what stands between words do not matter: `gs-or-io`, `GLOBAL_STATE`. */
function wordOf<Word>(value: unknown, known: Readonly<Record<string, Word>>, what: string, written: string): Word | null {
  if (value === undefined || value === null) return null;
  const word = typeof value === 'string' ? known[value.toLowerCase().replace(/[^a-z]/g, '')] : undefined;
  if (word === undefined) throw wrong(written, `names ${what} that does not exist: ${JSON.stringify(value)}`);
  return word;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(written: string, what: string): ConfigError {
  return new ConfigError('invalid-list', `The list ${written} ${what}.`, 'An entry is { "name", "module", "class": "gs" | "io" | "ioOrGs" | "common", "coroutine": true | false, "asserted": true | false }; the README has the rest.');
}
