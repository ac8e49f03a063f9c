/** One finding: what it is, how to fix it, the way to it through the source, and the calls around. */
import { reasonOf } from '../../words.ts';
import { count, data, digits, fileOf, findingPlace, hopOf, levelOf, ruleOf } from './data.ts';
import { h, markdown, prose } from './dom.ts';
import { excerpt } from './excerpt.ts';
import { chosenFindings, findingFilters } from './findings-page.ts';
import { drawing } from './graph.ts';
import { classMark, levelMark, place } from './marks.ts';
import { CLASSES, type PackedFinding } from '../page-data.ts';
import { linkTo, type Route } from './route.ts';

export function findingPage(route: Route): HTMLElement {
  const index = findingPlace(route.id);
  const finding = data.findings[index ?? -1];
  if (index === undefined || finding === undefined) {
    return h('section', {}, h('h1', {}, 'Not in this report'), h('p', {}, `No finding has the fingerprint ${route.id}; it may have been fixed since.`), h('p', {}, h('a', { href: '#findings' }, 'All findings')));
  }
  return h('section', { class: 'finding' },
    pager(index, route),
    h('h1', {}, levelMark(levelOf(finding)), ' ', h('span', { class: 'rule' }, ruleOf(finding)), finding.fresh === 1 ? h('span', { class: 'new' }, 'new') : null),
    h('p', { class: 'message' }, finding.message),
    h('p', { class: 'facts' }, place(fileOf(finding), finding.at[1]), ` in ${finding.in}`, finding.roots > 0 ? `, reached from ${count(finding.roots, 'root')}` : '', '. ',
      h('span', { class: 'muted' }, `Fingerprint ${finding.id}`)),
    repair(finding),
    finding.path.length > 0 ? way(finding) : h('div', {}, h('h2', {}, 'Where'), excerpt({ file: finding.at[0], line: finding.at[1], column: finding.at[2], endColumn: finding.at[3] === finding.at[1] ? finding.at[4] : null })),
    around(finding));
}

function pager(index: number, { filters }: Route): HTMLElement {
  const kept = findingFilters(filters);
  const chosen = chosenFindings(kept);
  const at = chosen.indexOf(index);
  const link = (step: number, text: string, id: string): HTMLElement => {
    const other = data.findings[chosen[at + step] ?? -1];
    return other === undefined || at < 0 ? h('span', { class: 'muted' }, text) : h('a', { id, href: linkTo('finding', other.id, kept) }, text);
  };
  return h('nav', { class: 'pager', 'aria-label': 'Findings' },
    h('a', { href: linkTo('findings', '', kept) }, Object.keys(kept).length > 0 ? '← Chosen findings' : '← All findings'),
    h('span', {}, at < 0 ? '' : `${digits(at + 1)} of ${digits(chosen.length)}`), link(-1, '‹ Previous', 'previous'), link(1, 'Next ›', 'next'));
}

function repair(finding: PackedFinding): HTMLElement {
  const rule = data.rules[finding.rule];
  return h('div', { class: 'repair' },
    h('h2', {}, 'How to fix it'),
    h('p', {}, ...prose(finding.hint)),
    rule === undefined ? null : h('details', {}, h('summary', {}, `More about ${rule.id}`), h('p', {}, ...prose(rule.title)), h('p', {}, ...prose(rule.why)), markdown(rule.fix),
      h('p', {}, h('a', { href: linkTo('findings', '', { rule: rule.id }) }, `All findings of ${rule.id}`))));
}

function way({ path, at }: PackedFinding): HTMLElement {
  return h('div', {}, h('h2', {}, 'The way there'), h('ol', { class: 'way' }, path.map((packed, index) => {
    const hop = hopOf(packed);
    const isLast = index === path.length - 1 && packed[1] === at[0] && hop.line === at[1];
    const name = packed[7] >= 0 && data.inventory !== null ? h('a', { href: linkTo('function', String(packed[7])) }, hop.function) : hop.function;
    return h('li', {},
      h('div', { class: 'hop' }, h('strong', {}, name), ' ', classMark(hop.class), ' ', h('span', { class: 'reason' }, reasonOf(hop)), place(hop.file, hop.line)),
      excerpt({ file: packed[1], line: hop.line, column: hop.column, endColumn: isLast && at[3] === at[1] ? at[4] : null }));
  })));
}

function around({ path }: PackedFinding): HTMLElement | null {
  if (path.length === 0) return null;
  const starts = path.map(([name, , , , , tag, , fn]) => ({ fn: data.inventory === null ? -1 : fn, name, class: CLASSES[tag] ?? null }));
  return h('div', { class: 'around' }, h('h2', {}, 'The calls around it'), drawing(starts, 'Call graph around the finding'));
}
