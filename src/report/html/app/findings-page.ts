/** All findings, filtered; and which of them those are, for going from one to the next. */
import { count, data, digits, fileOf, levelOf, rootOf, ruleOf } from './data.ts';
import { h } from './dom.ts';
import { choicesOf, filterBar, matcher } from './filters.ts';
import { table } from './list.ts';
import { levelMark, place } from './marks.ts';
import { linkTo, type Route } from './route.ts';

const FILTERS = ['q', 'rule', 'level', 'module', 'root', 'state'];

/** Only what chooses among findings; a finding's page carries it along. */
export function findingFilters(filters: Route['filters']): Record<string, string> {
  return Object.fromEntries(Object.entries(filters).filter(([key]) => FILTERS.includes(key)));
}

export function chosenFindings(filters: Route['filters']): number[] {
  const { q = '', rule = '', level = '', module = '', root = '', state = '' } = filters;
  const matches = matcher(q);
  const chosen: number[] = [];
  data.findings.forEach((finding, index) => {
    if (rule !== '' && ruleOf(finding) !== rule) return;
    if (level !== '' && levelOf(finding) !== level) return;
    if (module !== '' && fileOf(finding) !== module) return;
    if (root !== '' && rootOf(finding) !== root) return;
    if (state !== '' && (finding.fresh === 1) !== (state === 'new')) return;
    if (q !== '' && !matches(`${ruleOf(finding)} ${fileOf(finding)}:${String(finding.at[1])} ${finding.in} ${finding.target} ${finding.message}`)) return;
    chosen.push(index);
  });
  return chosen.sort((a, b) => (data.findings[a]?.level ?? 0) - (data.findings[b]?.level ?? 0) || a - b);
}

export function findingsPage(route: Route): HTMLElement {
  const chosen = chosenFindings(route.filters);
  const kept = findingFilters(route.filters);
  return h('section', {},
    h('h1', {}, 'Findings'),
    filterBar(route, [
      { key: 'q', label: 'Search' },
      { key: 'rule', label: 'Rule', choices: choicesOf(data.findings.map(ruleOf)) },
      { key: 'level', label: 'Level', choices: choicesOf(data.findings.map(levelOf)) },
      { key: 'module', label: 'Module', choices: choicesOf(data.findings.map(fileOf)) },
      { key: 'root', label: 'Root', choices: choicesOf(data.findings.map(rootOf)) },
      ...(data.trend === null ? [] : [{ key: 'state', label: 'State', choices: [{ value: 'new', text: 'new' }, { value: 'known', text: 'known' }] }]),
    ], chosen.length === data.findings.length ? count(chosen.length, 'finding') : `${count(chosen.length, 'finding')} of ${digits(data.findings.length)}`),
    table({
      label: 'Findings',
      columns: [{ title: 'Level', track: '96px' }, { title: 'Rule', track: '176px' }, { title: 'What', track: 'minmax(0,1fr)' }, { title: 'Where', track: 'minmax(120px,24%)' }],
      length: chosen.length,
      open: (row) => linkTo('finding', data.findings[chosen[row] ?? -1]?.id ?? '', kept),
      cells: (row) => cellsOf(chosen[row] ?? -1, kept),
      empty: data.findings.length === 0 ? 'Nothing was found.' : 'No finding fits these filters.',
    }));
}

function cellsOf(index: number, kept: Readonly<Record<string, string>>): (Node | string)[] {
  const finding = data.findings[index];
  if (finding === undefined) return [];
  return [
    levelMark(levelOf(finding)),
    h('span', { class: 'rule' }, ruleOf(finding)),
    h('span', { class: 'what' }, finding.fresh === 1 ? h('span', { class: 'new' }, 'new') : null, h('a', { href: linkTo('finding', finding.id, kept), tabindex: -1, title: finding.message }, finding.message)),
    place(fileOf(finding), finding.at[1]),
  ];
}
