/**
 * A function put into a slot whose class does not allow it, or a member whose class contradicts what it implements.
 *
 * I/O-safe code may stand in a Global State slot, and anything in a slot that says nothing.
 * Leaves to others: what functions without a class do in a slot; they run as the slot says.
 */
import type { RawFinding } from '../../src/model/finding.ts';
import type { Analysis, AnalysisRule, Classification } from '../../src/model/rule.ts';
import type { ClassTag } from '../../src/model/summary.ts';
import { tagOf } from '../class-words.ts';

export const callbackClass: AnalysisRule = {
  id: 'callback-class',
  level: 'error',
  title: 'A function put into a slot whose class does not allow it.',
  why: 'Whoever calls through the slot knows its class only, and runs what is in it where that class may run.',
  evaluate(analysis: Analysis): RawFinding[] {
    const fillings = analysis.slotFillings.flatMap(({ file, span, owner, member, slot }): RawFinding[] => {
      const name = slot.summary.table === slot.summary.name ? slot.summary.name : `${slot.summary.table}.${slot.summary.name}`;
      const clash = clashOf(member.classification, slot.classification);
      return clash === null ? [] : [{
        rule: 'callback-class', file, span, function: owner?.summary.name ?? '', target: member.name,
        message: `${member.name} ${clash.member} and is put into the slot ${name}, ${clash.slot}.`,
        hint: `Put a function into ${name} that ${clash.wanted}, or correct the tag of one of the two.`,
      }];
    });
    const members = analysis.implementations.flatMap(({ file, span, member, implemented }): RawFinding[] => {
      const clash = clashOf(member.classification, implemented.classification);
      return clash === null ? [] : [{
        rule: 'callback-class', file, span, function: member.name, target: implemented.name,
        message: `${member.name} ${clash.member} and stands for ${implemented.name}, ${clash.slot}.`,
        hint: `Give ${member.name} a body that ${clash.wanted} and leave out its tag, or correct the tag of ${implemented.name}.`,
      }];
    });
    return onePerPlace([...fillings, ...members]);
  },
};

interface Clash {
  /** What the member is, with its tag. */
  readonly member: string;
  /** What the slot is, with its tag. */
  readonly slot: string;
  /** What a function there must do. */
  readonly wanted: string;
}

function clashOf(member: Classification, slot: Classification): Clash | null {
  if (member.class === 'globalState' && isIoClass(slot.class)) {
    return { member: 'is @globalState', slot: `which is ${tagOf(slot.class)}`, wanted: 'any thread may run' };
  }
  if (member.coroutine === 'coroutine' && (slot.coroutine === 'noCoroutine' || (slot.coroutine === null && slot.class !== null))) {
    return { member: 'is a coroutine', slot: slot.coroutine === 'noCoroutine' ? 'which is @noCoroutine' : 'which is none', wanted: 'needs no coroutine' };
  }
  if (slot.coroutine === 'coroutine' && (member.coroutine === 'noCoroutine' || member.coroutine === 'coroutineWrapper')) {
    return { member: `is @${member.coroutine}`, slot: 'which is a coroutine', wanted: 'may run inside a coroutine' };
  }
  return null;
}

function isIoClass(tag: ClassTag | null): tag is Exclude<ClassTag, 'globalState'> {
  return tag === 'io' || tag === 'ioOrGs' || tag === 'common';
}

/** A literal that fits two tables is put into both; one finding says enough. */
function onePerPlace(findings: readonly RawFinding[]): RawFinding[] {
  const places = new Map<string, RawFinding>();
  for (const finding of findings) {
    const { line, column, endLine, endColumn } = finding.span;
    const place = [finding.file, line, column, endLine, endColumn].join(':');
    if (!places.has(place)) places.set(place, finding);
  }
  return [...places.values()];
}
