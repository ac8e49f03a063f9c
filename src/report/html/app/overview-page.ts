/** Where the code base stands, in figures that lead to what is behind them. */
import type { Coverage } from '../../../model/audit.ts';
import { LEVELS } from '../page-data.ts';
import { count, data, digits, fileOf, levelOf, rootOf, ruleOf } from './data.ts';
import { h } from './dom.ts';
import { levelMark } from './marks.ts';
import { linkTo } from './route.ts';

const MOST_BARS = 10;

export function overviewPage(): HTMLElement {
  const { summary, inventory, trend } = data;
  return h('section', {},
    h('h1', {}, data.project === '' ? 'Overview' : data.project),
    h('p', { class: 'muted' }, `${count(summary.files, 'file')}, ${count(summary.functions, 'function')}, ${count(summary.callSites, 'call')}`,
      data.since === null ? '' : `, findings since ${data.since}`, data.known === 0 ? '' : `, beside ${count(data.known, 'known finding')}`, '.'),
    h('div', { class: 'tiles' }, LEVELS.map((level) => h('a', { class: `tile ${level}`, href: linkTo('findings', '', { level }) },
      h('span', { class: 'figure' }, digits(summary.findings[level])), levelMark(level), change(summary.findings[level], trend?.before.findings[level])))),
    inventory === null ? null : coverage(inventory.coverage),
    trendOf(),
    data.findings.length === 0 ? null : h('div', { class: 'columns three' },
      bars('By rule', data.findings.map(ruleOf), 'rule'), bars('By module', data.findings.map(fileOf), 'module'), bars('By root', data.findings.map(rootOf), 'root')),
    unresolved());
}

function coverage(now: Coverage): HTMLElement {
  const before = data.trend?.before.coverage ?? null;
  const meters: readonly (readonly [string, keyof Coverage, keyof Coverage, string])[] = [
    ['Functions with a class', 'classified', 'functions', linkTo('inventory', '', { class: 'none' })],
    ['Global State functions that assert', 'asserted', 'globalState', linkTo('inventory', '', { show: 'missing' })],
    ['API functions with a class', 'exportedClassified', 'exported', linkTo('inventory', '', { show: 'unclassified' })],
    ['Functions that a known root reaches', 'reached', 'bodies', linkTo('inventory', '', { show: 'unreached' })],
  ];
  const resolved = data.summary.callSites === 0 ? [] : [meter('Calls with a known target', data.summary.resolvedCallSites, data.summary.callSites, null, null)];
  return h('div', {}, h('h2', {}, 'How much is known'), h('div', { class: 'meters' },
    meters.map(([label, part, whole, link]) => meter(label, now[part], now[whole], link, before === null ? null : share(before[part], before[whole]))), resolved));
}

function meter(label: string, part: number, whole: number, link: string | null, before: number | null): HTMLElement {
  const now = share(part, whole);
  const delta = before === null || now === null ? 0 : Math.round((now - before) * 10) / 10;
  return h('div', { class: 'meter' },
    h('div', { class: 'meter-label' }, h('span', {}, label), h('strong', {}, now === null ? 'none' : `${String(rounded(now, whole))} %`, delta === 0 ? '' : ` (${delta > 0 ? '+' : '−'}${String(Math.abs(delta))})`)),
    h('div', { class: 'track', 'aria-hidden': 'true' }, h('div', { style: `width:${String(now ?? 0)}%` })),
    h('div', { class: 'muted' }, `${digits(part)} of ${digits(whole)}`, link === null || part === whole ? null : [' · ', h('a', { href: link }, `${digits(whole - part)} without`)]));
}

/** What is not all is never 100 %. */
function rounded(percent: number, whole: number): number {
  const steps = whole > 999 ? 10 : 1;
  return Math.floor(percent * steps) / steps;
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : (part / whole) * 100;
}

function change(now: number, before: number | undefined): HTMLElement | null {
  if (before === undefined) return null;
  return h('span', { class: 'muted' }, now === before ? 'as before' : `${now > before ? '+' : '−'}${digits(Math.abs(now - before))} since then`);
}

function trendOf(): HTMLElement | null {
  const { trend } = data;
  if (trend === null) return null;
  return h('div', {}, h('h2', {}, `Since ${trend.name}`),
    h('p', {}, h('a', { href: linkTo('findings', '', { state: 'new' }) }, `${digits(trend.fresh)} new`), `, ${digits(trend.gone.length)} gone, ${digits(data.findings.length - trend.fresh)} as before.`),
    trend.gone.length === 0 ? null : h('details', {}, h('summary', {}, `${count(trend.gone.length, 'finding')} gone`), h('ul', { class: 'plain' },
      trend.gone.slice(0, 200).map((gone) => h('li', {}, levelMark(gone.level), ' ', h('span', { class: 'rule' }, gone.rule), ` ${gone.message} `, h('span', { class: 'muted' }, gone.file))),
      trend.gone.length > 200 ? h('li', { class: 'muted' }, `… and ${digits(trend.gone.length - 200)} more`) : null)));
}

function bars(title: string, words: readonly string[], key: string): HTMLElement {
  const counts = new Map<string, { all: number; levels: number[] }>();
  words.forEach((word, index) => {
    if (word === '') return;
    const known = counts.get(word) ?? { all: 0, levels: [0, 0, 0] };
    const level = LEVELS.indexOf(levelOf(data.findings[index] as (typeof data.findings)[number]));
    known.all += 1;
    known.levels[level] = (known.levels[level] ?? 0) + 1;
    counts.set(word, known);
  });
  const sorted = [...counts].sort((a, b) => b[1].all - a[1].all || (a[0] < b[0] ? -1 : 1));
  const most = sorted[0]?.[1].all ?? 1;
  return h('div', { class: 'card' }, h('h2', {}, title), sorted.length === 0 ? h('p', { class: 'muted' }, 'none') : h('ul', { class: 'bars' },
    sorted.slice(0, MOST_BARS).map(([word, { all, levels }]) => h('li', {},
      h('a', { href: linkTo('findings', '', { [key]: word }), title: word }, h('bdi', {}, word)), h('span', { class: 'number' }, digits(all)),
      h('span', { class: 'bar', 'aria-hidden': 'true', style: `width:${String((all / most) * 100)}%` }, LEVELS.map((level, index) => h('span', { class: level, style: `flex:${String(levels[index] ?? 0)}` }))))),
    sorted.length > MOST_BARS ? h('li', { class: 'muted' }, `… and ${digits(sorted.length - MOST_BARS)} more`) : null));
}

function unresolved(): HTMLElement | null {
  const reasons = Object.entries(data.summary.unresolvedByReason);
  if (reasons.length === 0) return null;
  return h('div', {}, h('h2', {}, 'Calls without a known target'), h('ul', { class: 'plain' }, reasons.sort((a, b) => b[1] - a[1]).map(([reason, number]) => h('li', {}, `${digits(number)} `, h('code', {}, reason)))),
    h('p', { class: 'muted' }, 'gsio check --unresolved lists them.'));
}
