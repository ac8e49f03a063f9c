/** Values of options that are words of a list, or numbers. */
import { nearestName } from '../config/nearest.ts';
import { UsageError } from '../model/errors.ts';

/** `what`: what the words are called, as in "Unknown format". */
export function oneOf<Word extends string>(what: string, written: string, known: readonly Word[]): Word {
  const word = known.find((candidate) => candidate === written);
  if (word !== undefined) return word;
  throw new UsageError(`unknown-${what}`, `Unknown ${what} "${written}"; did you mean "${nearestName(written, known) ?? ''}"?`, `Known ${what}s: ${known.join(', ')}.`);
}

export function wholeNumber(option: string, written: string, least: number): number {
  const value = /^\d{1,6}$/.test(written) ? Number(written) : Number.NaN;
  if (value >= least) return value;
  throw new UsageError('invalid-option', `${option} needs a whole number of ${String(least)} or more, not "${written}".`, `Write ${option} ${String(Math.max(least, 3))}, for example.`);
}
