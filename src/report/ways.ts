/**
 * Paths between two functions: numbered calls for people, and JSON for programs.
 *
 * In: `Ways`, one for each project that holds both functions, already merged. Out: text that ends with a newline.
 */
import picocolors from 'picocolors';
import type { Condition, NamedPlace, WayHop, Ways } from '../model/questions.ts';
import { jsonDocument } from './json-document.ts';
import { visible } from './visible.ts';
import { CLASS_NAMES, counted, reasonOf, WHY } from './words.ts';

type Colours = ReturnType<typeof picocolors.createColors>;

export function formatWaysJson({ from, to, paths, more, cut }: Ways): string {
  return jsonDocument({
    from: jsonPlace(from),
    to: jsonPlace(to),
    paths: paths.map((path) => path.map(jsonHop)),
    more,
    cut: cut === null ? null : { by: cut.by, path: cut.path.map(jsonHop) },
  });
}

function jsonPlace({ function: name, file, line, column, class: tag, why }: NamedPlace): object {
  return { function: name, file, line, column, class: tag, why };
}

function jsonHop({ function: name, file, line, column, edge, class: tag, why, slot, further, condition }: WayHop): object {
  return { function: name, file, line, column, edge, class: tag, why, slot, further, condition };
}

export function formatWays({ from, to, paths, more, cut }: Ways, colour: boolean): string {
  const c = picocolors.createColors(colour);
  const ends = `from ${named(from, c)} to ${named(to, c)}`;
  if (paths.length === 0) return `${[`No path leads ${ends}.`, ...(cut === null ? [] : cutText(cut, c))].join('\n\n')}\n`;
  const [only] = paths;
  const parts = paths.length === 1 && only !== undefined && !more
    ? [`One path leads ${ends}, with ${counted(only.length - 1, 'call')}:`, pathText(only, c)]
    : [`Paths ${ends}, shortest first:`, ...paths.map((path, index) => `${c.bold(`${String(index + 1)}.`)} ${counted(path.length - 1, 'call')}\n${pathText(path, c)}`)];
  return `${[...parts, ...(more ? [`There are more: --paths ${String(Math.max(5, 2 * paths.length))} shows them.`] : [])].join('\n\n')}\n`;
}

function named({ function: name, class: tag, why }: NamedPlace, c: Colours): string {
  return `${c.bold(visible(name))}${tag === null ? '' : ` (${CLASS_NAMES[tag]} ${WHY[why]})`}`;
}

function cutText({ by, path }: NonNullable<Ways['cut']>, c: Colours): string[] {
  if (by === 'arguments') {
    return ['The calls below are there, but none of them happens with arguments that lead on to the next: a condition on a parameter, or a helper that others hand this callback.', pathText(path, c)];
  }
  const reasons = path.flatMap((hop, index) => (hop.condition === null || index === 0 ? [] : [`${visible(path[index - 1]?.function ?? '')} ${verb(hop)} ${visible(hop.function)} at ${visible(`${hop.file}:${String(hop.line)}`)}, ${conditionText(hop.condition)}.`]));
  return [`What is in the way:\n${reasons.map((reason) => `  ${reason}`).join('\n')}`, `Without that there would be one:\n${pathText(path, c)}`];
}

function verb({ edge, condition }: WayHop): string {
  return condition?.by === 'runs' ? 'hands over' : edge === 'construct' ? 'constructs' : edge === 'callback' ? 'runs' : 'calls';
}

/** The path of a finding or an answer, a hop a line. */
export function pathText(path: readonly (Omit<WayHop, 'slot' | 'further' | 'condition'> & Partial<WayHop>)[], c: Colours, indent = '  '): string {
  const names = path.map((hop) => visible(hop.function));
  const places = path.map((hop) => visible(hop.line === 0 ? hop.file : `${hop.file}:${String(hop.line)}`));
  const nameWidth = Math.min(40, Math.max(...names.map((name) => name.length)));
  const placeWidth = Math.min(60, Math.max(...places.map((place) => place.length)));
  const numberWidth = String(path.length).length;
  return path.map((hop, index) => {
    const notes = [
      hop.slot === undefined || hop.slot === null ? reasonOf(hop) : reasonOf(hop).replace('through a slot', `through ${visible(hop.slot)}`),
      ...(hop.condition === undefined || hop.condition === null ? [] : [conditionText(hop.condition)]),
      ...(hop.further === undefined || hop.further === 0 ? [] : [`in ${counted(hop.further, 'more place')}`]),
    ];
    return `${indent}${String(index + 1).padStart(numberWidth)}. ${(names[index] ?? '').padEnd(nameWidth)}  ${c.cyan((places[index] ?? '').padEnd(placeWidth))}  ${c.dim(notes.join('; '))}`;
  }).join('\n');
}

const CONTEXTS: Readonly<Record<(Condition & { by: 'runs' })['context'], string>> = { globalState: 'in the main thread', io: 'in I/O context', coroutine: 'in a coroutine' };

function conditionText(condition: Condition): string {
  if (condition.by === 'runs') return `which ${visible(condition.scheduler)} runs ${CONTEXTS[condition.context]}`;
  const where = condition.holds === 'main' ? 'in the main thread' : 'off the main thread';
  switch (condition.by) {
    case 'check': return `under a check, only ${where}`;
    case 'assertion': return `behind an assertion, only ${where}`;
    case 'switch': return `behind a context switch, only ${where}`;
  }
}
