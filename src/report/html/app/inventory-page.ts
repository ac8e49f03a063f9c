/** Every function, with its class, its assertion and what reaches it; the slots; the waivers. */
import { CLASS_NAMES } from '../../words.ts';
import { ASSERTIONS, CLASSES, COROUTINES, REACHES, type PageInventory } from '../page-data.ts';
import { count, data, digits, fileName } from './data.ts';
import { h } from './dom.ts';
import { choicesOf, filterBar, matcher } from './filters.ts';
import { table } from './list.ts';
import { classMark, place } from './marks.ts';
import { linkTo, type Route } from './route.ts';

const REACH_WORDS = { io: 'I/O', main: 'main thread', both: 'both' } as const;

export function inventoryPage(route: Route): HTMLElement {
  const { inventory } = data;
  if (inventory === null) return h('section', {}, h('h1', {}, 'Inventory'), h('p', {}, 'This page holds findings only; gsio report makes one with the inventory.'));
  const { functions } = inventory;
  const chosen = chosenFunctions(inventory, route.filters);
  const names = Object.entries(CLASS_NAMES).map(([value, text]) => ({ value, text }));
  return h('section', {},
    h('h1', {}, 'Inventory'),
    filterBar(route, [
      { key: 'q', label: 'Search' },
      { key: 'class', label: 'Class', choices: [...names, { value: 'none', text: 'no class' }, { value: 'coroutine', text: 'coroutine' }] },
      { key: 'module', label: 'Module', choices: choicesOf(functions.file.filter((_, fn) => functions.listed[fn] === 1).map(fileName)) },
      { key: 'show', label: 'Only', choices: SHOWS },
    ], chosen.length === inventory.coverage.functions ? count(chosen.length, 'function') : `${count(chosen.length, 'function')} of ${digits(inventory.coverage.functions)}`),
    table({
      label: 'Functions',
      columns: [{ title: 'Function', track: 'minmax(0,1fr)' }, { title: 'Class', track: '210px' }, { title: 'Asserts', track: '110px' }, { title: 'Reached by', track: '110px' }, { title: 'Where', track: 'minmax(120px,26%)' }],
      length: chosen.length,
      open: (row) => linkTo('function', String(chosen[row] ?? -1)),
      cells: (row) => {
        const fn = chosen[row] ?? -1;
        const assertion = ASSERTIONS[functions.assertion[fn] ?? 0] ?? null;
        const reached = REACHES[functions.reached[fn] ?? 0] ?? null;
        const owes = isMissing(inventory, fn);
        return [
          h('a', { href: linkTo('function', String(fn)), tabindex: -1 }, functions.name[fn] ?? ''),
          classMark(CLASSES[functions.class[fn] ?? 0] ?? null, COROUTINES[functions.coroutine[fn] ?? 0] ?? null),
          assertion === null ? h('span', { class: owes ? 'missing' : 'muted' }, owes ? 'missing' : '—') : CLASS_NAMES[assertion],
          h('span', { class: reached === null ? 'muted' : '' }, reached === null ? '—' : REACH_WORDS[reached]),
          place(fileName(functions.file[fn] ?? -1), functions.line[fn] ?? 0),
        ];
      },
      empty: 'No function fits these filters.',
    }));
}

const SHOWS = [
  { value: 'missing', text: 'missing assertion' }, { value: 'exported', text: 'exported by API modules' }, { value: 'unclassified', text: 'exported, no class' },
  { value: 'inferred', text: 'class by use only' }, { value: 'unreached', text: 'reached by nothing' },
];

function isMissing({ functions }: PageInventory, fn: number): boolean {
  return CLASSES[functions.class[fn] ?? 0] === 'globalState' && functions.hasBody[fn] === 1 && functions.assertion[fn] === 0;
}

function chosenFunctions(inventory: PageInventory, { q = '', class: tag = '', module = '', show = '' }: Route['filters']): number[] {
  const { functions } = inventory;
  const matches = matcher(q);
  const file = data.files.indexOf(module);
  const tagPlace = CLASSES.findIndex((name) => (name ?? 'none') === tag);
  const fits: Readonly<Record<string, (fn: number) => boolean>> = {
    missing: (fn) => isMissing(inventory, fn),
    exported: (fn) => fn in functions.exported,
    unclassified: (fn) => fn in functions.exported && functions.class[fn] === 0,
    inferred: (fn) => functions.class[fn] === 0 && functions.inferred[fn] !== 0,
    unreached: (fn) => functions.hasBody[fn] === 1 && functions.reached[fn] === 0,
  };
  const chosen: number[] = [];
  functions.name.forEach((name, fn) => {
    if (functions.listed[fn] !== 1) return;
    if (tag === 'coroutine' ? !/^coroutine/.test(COROUTINES[functions.coroutine[fn] ?? 0] ?? '') : tag !== '' && functions.class[fn] !== tagPlace) return;
    if (module !== '' && functions.file[fn] !== file) return;
    if (show !== '' && fits[show]?.(fn) !== true) return;
    if (q !== '' && !matches(`${name} ${fileName(functions.file[fn] ?? -1)}:${String(functions.line[fn] ?? 0)}`)) return;
    chosen.push(fn);
  });
  return chosen;
}

export function slotsPage(route: Route): HTMLElement {
  const slots = data.inventory?.slots ?? [];
  const { q = '' } = route.filters;
  const matches = matcher(q);
  const chosen = slots.filter((slot) => q === '' || matches(`${slot.table}.${slot.slot} ${slot.file} ${slot.members.join(' ')}`));
  return h('section', {}, h('h1', {}, 'Slots'), filterBar(route, [{ key: 'q', label: 'Search' }], count(chosen.length, 'slot')),
    table({
      label: 'Slots',
      columns: [{ title: 'Slot', track: 'minmax(0,26%)' }, { title: 'Class', track: '210px' }, { title: 'What is in it', track: 'minmax(0,1fr)' }, { title: 'Where', track: 'minmax(120px,24%)' }],
      length: chosen.length,
      open: () => null,
      cells: (row) => {
        const slot = chosen[row];
        return slot === undefined ? [] : [`${slot.table}.${slot.slot}`, classMark(slot.class, slot.coroutine), h('span', { title: slot.members.join(', ') }, slot.members.join(', ') || '—'), place(slot.file, slot.line)];
      },
      empty: slots.length === 0 ? 'The project has no slots.' : 'No slot fits.',
    }));
}

export function waiversPage(route: Route): HTMLElement {
  const waivers = data.inventory?.waivers ?? [];
  const { q = '', state = '' } = route.filters;
  const matches = matcher(q);
  const chosen = waivers.filter((waiver) => (q === '' || matches(`${waiver.file} ${waiver.rules.join(' ')} ${waiver.reason ?? ''}`))
    && (state === '' || (state === 'unused' ? waiver.unused : waiver.reason === null)));
  return h('section', {}, h('h1', {}, 'Waivers'),
    filterBar(route, [{ key: 'q', label: 'Search' }, { key: 'state', label: 'Only', choices: [{ value: 'unused', text: 'of no use' }, { value: 'reasonless', text: 'without a reason' }] }], count(chosen.length, 'waiver')),
    table({
      label: 'Waivers',
      columns: [{ title: 'Rules', track: 'minmax(0,22%)' }, { title: 'Reason', track: 'minmax(0,1fr)' }, { title: 'State', track: '90px' }, { title: 'Where', track: 'minmax(120px,28%)' }],
      length: chosen.length,
      open: () => null,
      cells: (row) => {
        const waiver = chosen[row];
        return waiver === undefined ? [] : [
          h('span', { class: 'rule' }, waiver.rules.length === 0 ? 'every rule' : waiver.rules.join(', ')),
          waiver.reason === null ? h('span', { class: 'missing' }, 'none') : h('span', { title: waiver.reason }, waiver.reason),
          waiver.unused ? h('span', { class: 'missing' }, 'of no use') : 'in use', place(waiver.file, waiver.line)];
      },
      empty: waivers.length === 0 ? 'Nothing is waived.' : 'No waiver fits.',
    }));
}
