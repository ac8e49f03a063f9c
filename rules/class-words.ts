/**
 * How messages speak of classes and assertions.
 *
 * In: tags and kinds. Out: words for a sentence. Leaves to others: the sentence.
 */
import type { AssertionKind, ClassTag } from '../src/model/summary.ts';

/** What a function of the class is: "writeSector is I/O code". */
export const CODE_OF: Readonly<Record<ClassTag, string>> = {
  globalState: 'Global State',
  io: 'I/O code',
  ioOrGs: 'I/O-or-GS code',
  common: 'common code',
};

/** The tag as it is written. */
export function tagOf(tag: ClassTag): string {
  return `@${tag}`;
}

/** What an assertion says of the function that holds it. */
export const CLAIM_OF: Readonly<Record<AssertionKind, string>> = {
  globalState: 'that the main thread runs',
  io: 'that any thread may run it',
  ioOrGs: 'that the main thread or the home thread of its node runs it',
  graphWritable: 'that the graph may be written',
};

/** The assertion of `gsio/runtime` for each kind. */
export const ASSERTION_OF: Readonly<Record<AssertionKind, string>> = {
  globalState: 'GLOBAL_STATE_CODE',
  io: 'IO_CODE',
  ioOrGs: 'IO_OR_GS_CODE',
  graphWritable: 'assertGraphWritable',
};
