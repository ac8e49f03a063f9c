/**
 * The page: finds out from the address what to show, and shows it.
 *
 * Keys: `/` searches, `[` and `]` go from finding to finding, `?` tells the keys.
 */
import { data } from './data.ts';
import { fill, h } from './dom.ts';
import { findingPage } from './finding-page.ts';
import { findingsPage } from './findings-page.ts';
import { functionPage } from './function-page.ts';
import { inventoryPage, slotsPage, waiversPage } from './inventory-page.ts';
import { overviewPage } from './overview-page.ts';
import { linkTo, routeOf, type Route } from './route.ts';

const PAGES: Readonly<Record<string, { readonly title: string; readonly show: (route: Route) => HTMLElement; readonly needsInventory?: true }>> = {
  overview: { title: 'Overview', show: overviewPage },
  findings: { title: 'Findings', show: findingsPage },
  inventory: { title: 'Inventory', show: inventoryPage, needsInventory: true },
  slots: { title: 'Slots', show: slotsPage, needsInventory: true },
  waivers: { title: 'Waivers', show: waiversPage, needsInventory: true },
};
const FURTHER: Readonly<Record<string, (route: Route) => HTMLElement>> = { finding: findingPage, function: functionPage };

const THEMES = ['auto', 'light', 'dark'] as const;

const main = h('main', { id: 'main', tabindex: -1 });
const search = h('input', { type: 'search', id: 'search', placeholder: 'Search findings  (press /)', 'aria-label': 'Search findings', autocomplete: 'off', spellcheck: 'false' });
const nav = h('nav', { class: 'tabs', 'aria-label': 'Pages' });
const theme = h('button', { type: 'button', class: 'theme', onclick: nextTheme }, 'Theme: auto');
const keys = h('dialog', { class: 'keys', 'aria-label': 'Keys' },
  h('h2', {}, 'Keys'),
  h('dl', {}, [['/', 'search'], ['↑ ↓ or j k', 'next row'], ['Enter', 'open the row'], ['[ and ]', 'previous and next finding'], ['Escape', 'leave the search'], ['?', 'this help']].map(([key = '', what = '']) => h('div', {}, h('dt', {}, h('kbd', {}, key)), h('dd', {}, what)))),
  h('form', { method: 'dialog' }, h('button', {}, 'Close')));

document.title = `gsio${data.project === '' ? '' : ` · ${data.project}`}`;
document.body.append(
  h('a', { class: 'skip', href: '#main', onclick: (event: Event) => { event.preventDefault(); main.focus(); } }, 'Skip to content'),
  h('header', {}, h('a', { class: 'brand', href: '#overview' }, 'gsio'), nav, search, theme, h('button', { type: 'button', 'aria-label': 'Keys', onclick: () => { keys.showModal(); } }, '?')),
  main, h('footer', { class: 'muted' }, `gsio ${data.version}`), keys);

let shown: string | null = null;

function show(): void {
  const route = routeOf(location.hash);
  const page = PAGES[route.page];
  const make = page?.show ?? FURTHER[route.page] ?? overviewPage;
  const samePage = shown === `${route.page}/${route.id}`;
  const focused = samePage ? document.activeElement?.id ?? '' : '';
  fill(nav, Object.entries(PAGES).filter(([, { needsInventory }]) => needsInventory !== true || data.inventory !== null).map(([name, { title }]) => {
    const isHere = name === route.page || (name === 'findings' && route.page === 'finding') || (name === 'inventory' && route.page === 'function');
    return h('a', { href: linkTo(name), 'aria-current': isHere ? 'page' : null }, title);
  }));
  if (document.activeElement !== search) search.value = route.page === 'findings' ? route.filters['q'] ?? '' : '';
  fill(main, make(route));
  if (!samePage) {
    scrollTo(0, 0);
    if (shown !== null && document.activeElement !== search) main.focus({ preventScroll: true });
  } else if (focused !== '') refocus(focused);
  shown = `${route.page}/${route.id}`;
}

/** A field that was typed into is a new one now. */
function refocus(id: string): void {
  const field = document.getElementById(id);
  field?.focus();
  if (field instanceof HTMLInputElement && field !== search) field.setSelectionRange(field.value.length, field.value.length);
}

function nextTheme(): void {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf((root.dataset['theme'] ?? 'auto') as (typeof THEMES)[number]) + 1) % THEMES.length] ?? 'auto';
  if (next === 'auto') delete root.dataset['theme'];
  else root.dataset['theme'] = next;
  theme.textContent = `Theme: ${next}`;
}

let timer = 0;
search.addEventListener('input', () => {
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    const route = routeOf(location.hash);
    const filters = route.page === 'findings' ? route.filters : {};
    const target = linkTo('findings', '', { ...filters, q: search.value });
    if (route.page === 'findings') {
      history.replaceState(null, '', target);
      show();
    } else location.hash = target;
  }, 120);
});

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.key === 'Escape' && isTyping) (event.target as HTMLElement).blur();
  if (isTyping || keys.open) return;
  if (event.key === '/') {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === '?') keys.showModal();
  else if (event.key === '[') document.getElementById('previous')?.click();
  else if (event.key === ']') document.getElementById('next')?.click();
});
addEventListener('hashchange', show);
show();
