/**
 * Values of the command line: lists of options, sizes, whole numbers.
 *
 * In: the words that a user wrote. Out: options and numbers; a word that is none is a failure of the command.
 */
import { parseSize, type BlockOptions } from '../model/options.ts';
import { ImgFailure } from './failure.ts';

/**
 * `a=1,b=x,,y,c` as options: `{ a: '1', b: 'x,y', c: 'on' }`. A comma that belongs to a value is written twice. `first` names the value
 * that stands without a name in front.
 */
export function parseOptionList(text: string, first?: string): BlockOptions {
  const options: BlockOptions = {};
  for (const [index, part] of splitAtCommas(text).entries()) {
    const equals = part.indexOf('=');
    if (equals >= 0) options[part.slice(0, equals)] = part.slice(equals + 1);
    else if (index === 0 && first !== undefined) options[first] = part;
    else if (part !== '') options[part] = 'on';
  }
  return options;
}

/** The words given to a repeated option, together. */
export function collect(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** All `-o` lists of a command as one. */
export function mergeOptionLists(lists: readonly string[] | undefined): BlockOptions {
  return Object.assign({}, ...(lists ?? []).map((list) => parseOptionList(list))) as BlockOptions;
}

/** Whether one of the lists asks for help. */
export function asksForHelp(lists: readonly string[] | undefined): boolean {
  return (lists ?? []).some((list) => splitAtCommas(list).some((part) => part === 'help' || part === '?'));
}

/** A size such as `64K`, at most what a number holds exactly. */
export function sizeOf(text: string, what: string): number {
  const size = parseSize(text);
  if (size === undefined) {
    throw new ImgFailure(`Invalid ${what} specified! You may use k, M, G, T, P or E suffixes for kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.`);
  }
  return size;
}

/** A whole number within bounds. */
export function wholeNumber(text: string, what: string, least: number, most: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new ImgFailure(`Invalid ${what} '${text}': expected a number from ${least} to ${most}`);
  return value;
}

function splitAtCommas(text: string): string[] {
  // No option holds a NUL: it can stand for the doubled comma meanwhile.
  return text.replaceAll(',,', '\0').split(',').map((part) => part.replaceAll('\0', ','));
}
