/**
 * Makes elements. Text never becomes markup: children are nodes or strings, and strings become text.
 */
import { visible } from '../../visible.ts';

type Child = Node | string | null | undefined | readonly Child[];
type Attributes = Readonly<Record<string, string | number | boolean | null | undefined | ((event: never) => void)>>;

const SVG = 'http://www.w3.org/2000/svg';

/** `on…` attributes are listeners; `false`, null and undefined leave an attribute out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: readonly Child[]): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), attributes, children);
}

export function svg<Tag extends keyof SVGElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: readonly Child[]): SVGElementTagNameMap[Tag] {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Puts other content into an element. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, children);
}

function filled<Made extends Element>(element: Made, attributes: Attributes, children: readonly Child[]): Made {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value as unknown as EventListener);
    else element.setAttribute(name, value === true ? '' : visible(String(value)));
  }
  append(element, children);
  return element;
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === undefined) continue;
    if (typeof child === 'string') element.append(visible(child));
    else if (child instanceof Node) element.append(child);
    else append(element, child);
  }
}

/** Text in which `code` between backticks is set as code. */
export function prose(text: string): Child[] {
  return text.split(/(`[^`\n]+`)/).map((part) => (/^`[^`]+`$/.test(part) ? h('code', {}, part.slice(1, -1)) : part.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1')));
}

/** A short text of Markdown: paragraphs, lists, fenced code. Anything else is shown as it is written. */
export function markdown(text: string): HTMLElement[] {
  return text.split(/\n(?=```)|(?<=\n```)\n|\n{2,}/).filter((block) => block.trim() !== '').map((block) => {
    const code = /^```[^\n]*\n([^]*?)\n?```\s*$/.exec(block);
    if (code !== null) return h('pre', { class: 'code' }, code[1] ?? '');
    if (/^(?:[*-]|\d+\.) /.test(block)) return h('ul', {}, block.split(/\n(?=(?:[*-]|\d+\.) )/).map((item) => h('li', {}, ...prose(item.replace(/^(?:[*-]|\d+\.) /, '').replace(/\n\s*/g, ' ')))));
    return h('p', {}, ...prose(block.replace(/\n/g, ' ')));
  });
}
