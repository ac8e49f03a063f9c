/**
 * From the tags around a function or slot to its class, with the reason.
 *
 * Precedence: own tag, the member it implements or overrides, the tagged function type it is declared with, its class or
 * interface, the class or interface of what it implements, its module. The first that names a class decides.
 */
import type { Why } from '../model/finding.ts';
import type { Classification } from '../model/rule.ts';
import type { ClassTag, CoroutineTag, Tags } from '../model/summary.ts';

export interface Tagged {
  readonly tags: Tags;
  readonly inheritedTags: Tags;
  readonly typeTags: Tags;
  readonly containerTags: Tags;
  readonly inheritedContainerTags: Tags;
  readonly moduleTags: Tags;
}

export function classify(tagged: Tagged): Classification {
  const order: readonly (readonly [Tags, Why])[] = [
    [tagged.tags, tagged.tags.fromModel === true ? 'model' : 'declared'],
    [tagged.inheritedTags, tagged.inheritedTags.fromModel === true ? 'model' : 'inherited'],
    [tagged.typeTags, 'declared'],
    [tagged.containerTags, 'declared'],
    [tagged.inheritedContainerTags, 'inherited'],
    [tagged.moduleTags, 'module'],
  ];
  let found: ClassTag | null = null;
  let why: Why = 'inferred';
  let coroutine: CoroutineTag | null = null;
  for (const [tags, reason] of order) {
    if (found === null && tags.class !== undefined) { found = tags.class; why = reason; }
    if (coroutine === null && tags.coroutine !== undefined) {
      coroutine = tags.coroutine;
      if (found === null) why = reason;
    }
  }
  return { class: found, why, coroutine };
}

/** Code that may run in any thread: its body must be I/O-safe. */
export function isIoClass(tag: ClassTag | null): boolean {
  return tag === 'io' || tag === 'ioOrGs' || tag === 'common';
}
