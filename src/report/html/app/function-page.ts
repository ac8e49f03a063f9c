/** One function: what it is, who calls it and what it calls, and the findings whose path leads through it. */
import { CLASS_NAMES, WHY } from '../../words.ts';
import { ASSERTIONS, CLASSES, COROUTINES, REACHES, WHYS } from '../page-data.ts';
import { callGraph, count, data, fileName, findingsThrough, levelOf, ruleOf } from './data.ts';
import { h } from './dom.ts';
import { drawing } from './graph.ts';
import { classMark, levelMark, place } from './marks.ts';
import { linkTo, type Route } from './route.ts';

const REACH_WORDS = { io: 'I/O code', main: 'main-thread code', both: 'main-thread and I/O code' } as const;
const MOST_LISTED = 60;

export function functionPage({ id }: Route): HTMLElement {
  const functions = data.inventory?.functions;
  const fn = Number(id);
  const name = functions?.name[fn];
  if (functions === undefined || name === undefined) return h('section', {}, h('h1', {}, 'Not in this report'), h('p', {}, 'There is no such function.'));
  const tag = CLASSES[functions.class[fn] ?? 0] ?? null;
  const inferred = CLASSES[functions.inferred[fn] ?? 0] ?? null;
  const reached = REACHES[functions.reached[fn] ?? 0] ?? null;
  const assertion = ASSERTIONS[functions.assertion[fn] ?? 0] ?? null;
  const { callers, callees } = callGraph();
  const findings = findingsThrough(fn);
  return h('section', {},
    h('nav', { class: 'pager', 'aria-label': 'Inventory' }, h('a', { href: '#inventory' }, '← Inventory')),
    h('h1', {}, name),
    h('dl', { class: 'card facts-list' },
      fact('Declared', place(fileName(functions.file[fn] ?? -1), functions.line[fn] ?? 0)),
      fact('Class', h('span', {}, classMark(tag, COROUTINES[functions.coroutine[fn] ?? 0] ?? null), ' ', tag === null ? (inferred === null ? '' : `its use says ${CLASS_NAMES[inferred]}`) : WHY[WHYS[functions.why[fn] ?? 0] ?? 'inferred'])),
      fact('Asserts', assertion === null ? (functions.hasBody[fn] === 1 ? 'nothing' : 'it has no body') : CLASS_NAMES[assertion]),
      fact('Reached by', reached === null ? 'nothing that gsio knows of' : REACH_WORDS[reached]),
      fact('Exported from', (functions.exported[fn] ?? []).map(fileName).join(', ') || 'no API module')),
    h('div', { class: 'columns' }, neighbours('Called by', callers(fn)), neighbours('Calls', callees(fn))),
    findings.length === 0 ? null : h('div', {}, h('h2', {}, `${count(findings.length, 'finding')} on whose path it is`),
      h('ul', { class: 'plain' }, findings.slice(0, MOST_LISTED).map((index) => {
        const finding = data.findings[index];
        return finding === undefined ? null : h('li', {}, levelMark(levelOf(finding)), ' ', h('span', { class: 'rule' }, ruleOf(finding)), ' ', h('a', { href: linkTo('finding', finding.id) }, finding.message));
      }), more(findings.length))),
    h('h2', {}, 'The calls around it'),
    drawing([{ fn, name, class: tag }], `Call graph around ${name}`));
}

function fact(term: string, value: Node | string): HTMLElement {
  return h('div', {}, h('dt', {}, term), h('dd', {}, value));
}

function neighbours(title: string, list: readonly number[]): HTMLElement {
  const functions = data.inventory?.functions;
  return h('div', {}, h('h2', {}, `${title} (${String(list.length)})`), list.length === 0 ? h('p', { class: 'muted' }, 'nothing') : h('ul', { class: 'plain' },
    list.slice(0, MOST_LISTED).map((fn) => h('li', {}, h('a', { href: linkTo('function', String(fn)) }, functions?.name[fn] ?? ''), ' ', classMark(CLASSES[functions?.class[fn] ?? 0] ?? null))), more(list.length)));
}

function more(length: number): HTMLElement | null {
  return length > MOST_LISTED ? h('li', { class: 'muted' }, `… and ${String(length - MOST_LISTED)} more`) : null;
}
