/**
 * Options of nodes and images: nested as users write them, flat with dotted names as drivers read them.
 *
 * In: options of a user, a `json:` file name, a command line. Out: the value of one option, checked; the rest, so that what nobody took
 * can be refused. Leaves to others: which options there are.
 */
import { blockError } from './errors.ts';

export type OptionValue = string | number | boolean | null;

/**
 * Options by name. Flat: `{ 'file.filename': 'disk.img' }` and nested: `{ file: { filename: 'disk.img' } }` mean the same; the block
 * layer keeps them flat ({@link flattenOptions}).
 */
export interface BlockOptions {
  [name: string]: OptionValue | BlockOptions | readonly (OptionValue | BlockOptions)[];
}

/** The same options without nesting: objects and lists become dotted names. @common */
export function flattenOptions(options: BlockOptions): BlockOptions {
  const flat: BlockOptions = {};
  const flatten = (value: unknown, name: string): void => {
    if (value !== null && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) flatten(inner, name === '' ? key : `${name}.${key}`);
    } else if (value !== undefined) {
      flat[name] = value as OptionValue;
    }
  };
  flatten(options, '');
  return flat;
}

/** Flat options as nested ones; names of digits become lists. @common */
export function nestOptions(options: BlockOptions): BlockOptions {
  const nested: BlockOptions = {};
  for (const [name, value] of Object.entries(flattenOptions(options))) {
    const parts = name.split('.');
    let level = nested;
    for (const part of parts.slice(0, -1)) {
      if (Object.hasOwn(level, part) && (level[part] === null || typeof level[part] !== 'object')) {
        throw blockError('EINVAL', `Option "${name}" contradicts "${part}", which is given as a plain value`);
      }
      const inner = Object.hasOwn(level, part) ? level[part] : undefined;
      level = (inner ?? Object.defineProperty(level, part, { value: {}, enumerable: true, writable: true, configurable: true })[part]) as BlockOptions;
    }
    Object.defineProperty(level, parts.at(-1) ?? name, { value, enumerable: true, writable: true, configurable: true });
  }
  return listsOf(nested) as BlockOptions;
}

function listsOf(value: BlockOptions[string]): BlockOptions[string] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([name, inner]) => [name, listsOf(inner)] as const);
  const isList = entries.length > 0 && entries.every(([name], index) => name === String(index));
  return isList ? entries.map(([, inner]) => inner as OptionValue | BlockOptions) : Object.fromEntries(entries);
}

/**
 * Options while a driver takes what it knows. What is left at the end is unknown: {@link OptionBag.refuseRest}.
 */
export class OptionBag {
  readonly #values: Map<string, OptionValue>;

  constructor(options: BlockOptions) {
    this.#values = new Map(Object.entries(flattenOptions(options)) as [string, OptionValue][]);
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Takes an option out. */
  take(name: string): OptionValue | undefined {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  takeString(name: string): string | undefined {
    const value = this.take(name);
    return value === undefined || value === null ? undefined : String(value);
  }

  /** @throws BlockError `EINVAL` where the value is none of on, off, true, false, yes, no */
  takeBoolean(name: string): boolean | undefined {
    const value = this.take(name);
    if (value === undefined || value === null) return undefined;
    if (value === true || value === 'on' || value === 'true' || value === 'yes') return true;
    if (value === false || value === 'off' || value === 'false' || value === 'no') return false;
    throw blockError('EINVAL', `Parameter '${name}' expects 'on' or 'off'`);
  }

  /** A whole number; sizes may end in K, M, G, T, P, E. @throws BlockError `EINVAL` where it is none */
  takeSize(name: string): number | undefined {
    const value = this.take(name);
    if (value === undefined || value === null) return undefined;
    const size = parseSize(String(value));
    if (size === undefined) throw blockError('EINVAL', `Parameter '${name}' expects a size`);
    return size;
  }

  /** One of `choices`. @throws BlockError `EINVAL` where it is none of them */
  takeChoice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.takeString(name);
    if (value === undefined) return undefined;
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw blockError('EINVAL', `Parameter '${name}' does not accept value '${value}'`);
    return choice;
  }

  /** Takes all options that start with `prefix.`; their names lose it. */
  takeSubtree(prefix: string): BlockOptions {
    const subtree: BlockOptions = {};
    for (const [name, value] of [...this.#values]) {
      if (!name.startsWith(`${prefix}.`)) continue;
      subtree[name.slice(prefix.length + 1)] = value;
      this.#values.delete(name);
    }
    return subtree;
  }

  /** What nobody took. */
  rest(): BlockOptions {
    return Object.fromEntries(this.#values);
  }

  /** @throws BlockError `EINVAL` that names an option nobody took */
  refuseRest(driver: string): void {
    for (const name of this.#values.keys()) throw blockError('EINVAL', `Block format '${driver}' does not support the option '${name}'`);
  }
}

/** Bytes of a size such as `64K` or `1.5G`; `undefined` where the text is none. @common */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?|0x[0-9a-f]+)([bkmgtpe]?)$/i.exec(text.trim());
  if (!match) return undefined;
  const bytes = Number(match[1]) * 1024 ** 'bkmgtpe'.indexOf((match[2] || 'b').toLowerCase());
  return Number.isSafeInteger(Math.ceil(bytes)) ? Math.ceil(bytes) : undefined;
}

/** An option that an image format takes when an image is created or amended. */
export interface OptionDescription {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'size' | 'number';
  readonly help: string;
  readonly default?: string;
}
