/** The bar of filters above a table. What is chosen stands in the address, so that it can be sent to somebody. */
import { h } from './dom.ts';
import { linkTo, type Route } from './route.ts';

export interface Choice {
  readonly value: string;
  readonly text: string;
}

export interface Filter {
  readonly key: string;
  readonly label: string;
  /** None: any text. */
  readonly choices?: readonly Choice[];
}

let timer = 0;

export function filterBar({ page, id, filters }: Route, all: readonly Filter[], result: string): HTMLElement {
  const go = (key: string, value: string): void => { history.replaceState(null, '', linkTo(page, id, { ...filters, [key]: value })); dispatchEvent(new HashChangeEvent('hashchange')); };
  const controls = all.map(({ key, label, choices }) => {
    const value = filters[key] ?? '';
    if (choices === undefined) {
      const input = h('input', { type: 'search', id: `filter-${key}`, value, placeholder: label, autocomplete: 'off', spellcheck: 'false' });
      input.addEventListener('input', () => {
        clearTimeout(timer);
        timer = window.setTimeout(() => { go(key, input.value); }, 120);
      });
      return field(key, label, input);
    }
    const select = h('select', { id: `filter-${key}` }, h('option', { value: '' }, 'all'), choices.map((choice) => h('option', { value: choice.value, selected: choice.value === value }, choice.text)));
    select.addEventListener('change', () => { go(key, select.value); });
    return field(key, label, select);
  });
  const isFiltered = all.some(({ key }) => (filters[key] ?? '') !== '');
  return h('div', { class: 'filters', role: 'search' }, controls,
    isFiltered ? h('a', { class: 'clear', href: linkTo(page, id) }, 'Clear') : null,
    h('output', { class: 'count', 'aria-live': 'polite' }, result));
}

function field(key: string, label: string, control: HTMLElement): HTMLElement {
  return h('div', { class: 'field' }, h('label', { for: `filter-${key}` }, label), control);
}

/** The most frequent words first, with how often they occur. */
export function choicesOf(words: Iterable<string>, most = 400): Choice[] {
  const counts = new Map<string, number>();
  for (const word of words) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, most).map(([value, number]) => ({ value, text: `${value} (${String(number)})` }));
}

/** Whether each word of the query is in the text. */
export function matcher(query: string): (text: string) => boolean {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== '');
  return (text) => {
    const lower = text.toLowerCase();
    return words.every((word) => lower.includes(word));
  };
}
