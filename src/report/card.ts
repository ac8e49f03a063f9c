/**
 * The card of a function or slot, for people.
 *
 * In: a `Card`. Out: text that ends with a newline. Leaves collecting to `engine`.
 */
import picocolors from 'picocolors';
import type { Card, CardCall } from '../model/questions.ts';
import { visible } from './visible.ts';
import { pathText } from './ways.ts';
import { CLASS_NAMES, COROUTINE_NAMES, counted, EDGES, WHY } from './words.ts';

type Colours = ReturnType<typeof picocolors.createColors>;

/** Longer lists are cut, and say so. */
const MOST_ENTRIES = 12;

export function formatCard(card: Card, colour: boolean): string {
  const c = picocolors.createColors(colour);
  const { place } = card;
  const facts: [string, string][] = [
    ['class', classText(card)],
    ...row('coroutine', card.coroutine === null ? card.inferred.coroutine === null ? null : 'coroutine, from its use' : COROUTINE_NAMES[card.coroutine]),
    ...(card.kind === 'function' ? row('assertion', assertionText(card)) : []),
    ...row('exported', list(card.exportedFrom, 'from ')),
    ...row('in slots', list(card.slots)),
    ...row('members', card.kind === 'slot' ? list(card.members) ?? 'none' : null),
    ...row('I/O roots', list(card.ioRoots)),
    ...row('GS roots', list(card.mainRoots)),
  ];
  const width = Math.max(...facts.map(([name]) => name.length));
  const parts = [
    `${c.bold(visible(place.function))}  ${c.cyan(visible(`${place.file}:${String(place.line)}`))}`,
    facts.map(([name, text]) => `  ${c.dim(name.padEnd(width))}  ${text}`).join('\n'),
    ...calls('Called by', card.callers, c),
    ...calls('Calls', card.calls, c),
    ...(card.fromIo === null ? [] : [`${c.bold('From I/O code, the shortest path')}\n${pathText(card.fromIo, c)}`]),
    ...(card.toGlobalState === null ? [] : [`${c.bold('To Global State code, the shortest path without a check')}\n${pathText(card.toGlobalState, c)}`]),
  ];
  return `${parts.join('\n\n')}\n`;
}

function row(name: string, text: string | null): [string, string][] {
  return text === null ? [] : [[name, text]];
}

function classText({ place, inferred }: Card): string {
  if (place.class !== null) return `${CLASS_NAMES[place.class]} ${WHY[place.why]}`;
  switch (inferred.class) {
    case null: return 'none: it runs where its callers do';
    case 'io': return 'none; I/O from its use: I/O code reaches it, and it reaches no Global State code';
    case 'globalState': return 'none; Global State from its use: it reaches Global State code';
  }
}

function assertionText({ assertion, hasBody }: Card): string {
  if (assertion !== null) return `${assertion.kind}, line ${String(assertion.line)}`;
  return hasBody ? 'none' : 'none: it has no body';
}

function list(names: readonly string[], before = ''): string | null {
  if (names.length === 0) return null;
  const shown = names.slice(0, MOST_ENTRIES).map(visible).join(', ');
  return `${before}${shown}${names.length > MOST_ENTRIES ? ` and ${String(names.length - MOST_ENTRIES)} more` : ''}`;
}

function calls(title: string, entries: readonly CardCall[], c: Colours): string[] {
  if (entries.length === 0) return [`${c.bold(title)}: nothing that is known.`];
  const shown = entries.slice(0, MOST_ENTRIES);
  const names = shown.map((call) => visible(call.function));
  const places = shown.map((call) => visible(`${call.file}:${String(call.line)}`));
  const nameWidth = Math.min(40, Math.max(...names.map((name) => name.length)));
  const placeWidth = Math.min(60, Math.max(...places.map((at) => at.length)));
  const lines = shown.map((call, index) => {
    const notes = [call.class === null ? 'no class' : CLASS_NAMES[call.class], ...(call.edge === 'call' ? [] : [EDGES[call.edge]]), ...(call.further === 0 ? [] : [`in ${counted(call.further, 'more place')}`])];
    return `  ${(names[index] ?? '').padEnd(nameWidth)}  ${c.cyan((places[index] ?? '').padEnd(placeWidth))}  ${c.dim(notes.join('; '))}`;
  });
  return [[c.bold(title), ...lines, ...(entries.length > MOST_ENTRIES ? [`  and ${String(entries.length - MOST_ENTRIES)} more`] : [])].join('\n')];
}
