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
  const flat: [string, OptionValue][] = [];
  const flatten = (value: unknown, name: string): void => {
    if (value !== null && typeof value === 'object') {
      for (const [key, inner] of Object.entries(value)) flatten(inner, name === '' ? key : `${name}.${key}`);
    } else if (value !== undefined) {
      flat.push([name, value as OptionValue]);
    }
  };
  flatten(options, '');
  return Object.fromEntries(flat);
}

/** The value of a flat option; `undefined` where it is not given. @common */
export function optionOf(options: BlockOptions, name: string): OptionValue | undefined {
  return Object.hasOwn(options, name) ? (options[name] as OptionValue) : undefined;
}

/** The text of a flat option; `undefined` where it is not given or no text. @common */
export function stringOption(options: BlockOptions, name: string): string | undefined {
  const value = optionOf(options, name);
  return typeof value === 'string' ? value : undefined;
}

/** Sets an option that is not given. @common */
export function defaultOption(options: BlockOptions, name: string, value: OptionValue): void {
  if (!Object.hasOwn(options, name)) options[name] = value;
}

/** Gives `target` the options of `source`, and no others. @common */
export function replaceOptions(target: BlockOptions, source: BlockOptions): void {
  for (const name of Object.keys(target)) Reflect.deleteProperty(target, name);
  for (const [name, value] of Object.entries(source)) target[name] = value;
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

/** @common */
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
  readonly #options: BlockOptions;

  /** What is taken is gone from `options`, which is flat from now on: so a driver's open slot takes out what it knows. */
  constructor(options: BlockOptions) {
    this.#options = options;
    if (Object.values(options).some((value) => value !== null && typeof value === 'object')) replaceOptions(options, flattenOptions(options));
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#options, name);
  }

  /** Takes an option out. */
  take(name: string): OptionValue | undefined {
    const value = optionOf(this.#options, name);
    Reflect.deleteProperty(this.#options, name);
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
    const subtree: [string, BlockOptions[string]][] = [];
    for (const [name, value] of Object.entries(this.#options)) {
      if (!name.startsWith(`${prefix}.`)) continue;
      subtree.push([name.slice(prefix.length + 1), value]);
      Reflect.deleteProperty(this.#options, name);
    }
    return Object.fromEntries(subtree);
  }

  /** What nobody took. */
  rest(): BlockOptions {
    return { ...this.#options };
  }

  /** @throws BlockError `EINVAL` that names an option nobody took */
  refuseRest(driver: string): void {
    for (const name of Object.keys(this.#options)) throw blockError('EINVAL', `Block format '${driver}' does not support the option '${name}'`);
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
