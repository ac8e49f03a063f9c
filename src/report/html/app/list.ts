/**
 * A table of any length: only the rows in sight are in the page.
 *
 * Arrow keys, Page Up and Down, Home and End move; Enter opens. Where the page is printed, the first rows are all there.
 */
import { digits } from './data.ts';
import { fill, h } from './dom.ts';

export interface Column {
  readonly title: string;
  /** Its width, as a track of a grid. */
  readonly track: string;
}

export interface Rows {
  readonly label: string;
  readonly columns: readonly Column[];
  readonly length: number;
  /** One node a column. */
  readonly cells: (index: number) => readonly (Node | string)[];
  readonly open: (index: number) => string | null;
  readonly empty: string;
}

const ROW = 34;
const OVERSCAN = 12;
const MOST_PRINTED = 1000;

let printed: (() => void) | null = null;
let restored: (() => void) | null = null;
window.addEventListener('beforeprint', () => printed?.());
window.addEventListener('afterprint', () => restored?.());

export function table(rows: Rows): HTMLElement {
  if (rows.length === 0) return h('p', { class: 'empty' }, rows.empty);
  return new VirtualTable(rows).element;
}

class VirtualTable {
  readonly element: HTMLElement;
  private readonly rows: Rows;
  private readonly body: HTMLElement;
  private readonly scroller: HTMLElement;
  private active = 0;
  private first = -1;
  private last = -1;

  constructor(rows: Rows) {
    this.rows = rows;
    this.body = h('div', { class: 'rows', role: 'rowgroup', style: `height:${String(rows.length * ROW)}px` });
    const head = h('div', { role: 'rowgroup', class: 'head' }, this.row('row', 1, rows.columns.map(({ title }) => h('div', { role: 'columnheader' }, title))));
    this.scroller = h('div', {
      class: 'scroller', role: 'grid', 'aria-label': rows.label, 'aria-rowcount': rows.length + 1, 'aria-colcount': rows.columns.length,
      onscroll: () => { this.render(); }, onkeydown: (event: KeyboardEvent) => { this.onKey(event); },
    }, head, this.body);
    this.element = h('div', { class: 'table' }, this.scroller);
    this.scroller.style.setProperty('--rows', String(Math.min(rows.length, 22) + 1));
    printed = () => { this.renderRange(0, Math.min(rows.length, MOST_PRINTED)); };
    restored = () => { this.first = -1; this.render(); };
    this.renderRange(0, Math.min(rows.length, 40));
    requestAnimationFrame(() => { this.render(); });
  }

  private row(className: string, index: number, cells: readonly (Node | string)[], extra: Readonly<Record<string, string | number>> = {}): HTMLElement {
    return h('div', { class: className, role: 'row', 'aria-rowindex': index, style: `grid-template-columns:${this.rows.columns.map(({ track }) => track).join(' ')}`, ...extra }, cells);
  }

  private render(): void {
    const top = this.scroller.scrollTop;
    const first = Math.max(0, Math.floor(top / ROW) - OVERSCAN);
    this.renderRange(first, Math.min(this.rows.length, Math.ceil((top + this.scroller.clientHeight) / ROW) + OVERSCAN));
  }

  private renderRange(first: number, last: number): void {
    if (first === this.first && last === this.last) return;
    const hadFocus = this.body.contains(document.activeElement);
    [this.first, this.last] = [first, last];
    fill(this.body, Array.from({ length: last - first }, (_, at) => this.bodyRow(first + at)));
    const more = this.rows.length - last;
    if (more > 0) this.body.append(h('p', { class: 'print-only more' }, `… and ${digits(more)} more`));
    if (hadFocus) this.focusActive();
  }

  private bodyRow(index: number): HTMLElement {
    const target = this.rows.open(index);
    const cells = this.rows.cells(index).map((cell) => h('div', { role: 'gridcell' }, cell));
    const element = this.row(target === null ? 'row' : 'row opens', index + 2, cells, { tabindex: index === this.active ? 0 : -1, 'data-index': index });
    element.style.top = `${String(index * ROW)}px`;
    if (target !== null) {
      element.addEventListener('click', (event) => {
        if (!(event.target instanceof Element && event.target.closest('a') !== null) && getSelection()?.isCollapsed !== false) location.hash = target;
      });
    }
    element.addEventListener('focus', () => { this.activate(index); });
    return element;
  }

  private activate(index: number): void {
    for (const row of this.body.querySelectorAll<HTMLElement>('[tabindex="0"].row')) row.tabIndex = -1;
    this.active = index;
    const row = this.body.querySelector<HTMLElement>(`[data-index="${String(index)}"]`);
    if (row !== null) row.tabIndex = 0;
  }

  private onKey(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW) - 2);
    const to: Readonly<Record<string, number>> = {
      ArrowDown: this.active + 1, j: this.active + 1, ArrowUp: this.active - 1, k: this.active - 1,
      PageDown: this.active + page, PageUp: this.active - page, Home: 0, End: this.rows.length - 1,
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Enter' && event.target instanceof HTMLElement && event.target.classList.contains('row')) {
      const target = this.rows.open(this.active);
      if (target !== null) location.hash = target;
      return;
    }
    const index = to[event.key];
    if (index === undefined) return;
    event.preventDefault();
    this.activate(Math.max(0, Math.min(this.rows.length - 1, index)));
    const top = this.active * ROW;
    const height = this.scroller.clientHeight - ROW;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW > this.scroller.scrollTop + height) this.scroller.scrollTop = top + ROW - height;
    this.render();
    this.focusActive();
  }

  private focusActive(): void {
    this.body.querySelector<HTMLElement>(`[data-index="${String(this.active)}"]`)?.focus({ preventScroll: true });
  }
}
