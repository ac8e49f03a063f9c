/** How classes, levels and files look everywhere in the page: never by colour alone. */
import { CLASS_NAMES, COROUTINE_NAMES } from '../../words.ts';
import type { ClassTag, CoroutineTag } from '../../../model/summary.ts';
import type { Level } from '../../../model/finding.ts';
import { h } from './dom.ts';

const SIGNS: Readonly<Record<Level, string>> = { error: '✕', warning: '!', info: 'i' };

export function levelMark(level: Level): HTMLElement {
  return h('span', { class: `level ${level}` }, h('span', { 'aria-hidden': 'true', class: 'sign' }, SIGNS[level]), level);
}

export function classMark(tag: ClassTag | null, coroutine: CoroutineTag | null = null): HTMLElement {
  return h('span', { class: 'marks' },
    h('span', { class: `class ${tag ?? 'none'}` }, tag === null ? 'no class' : CLASS_NAMES[tag]),
    coroutine === null ? null : h('span', { class: 'class coroutine' }, COROUTINE_NAMES[coroutine]));
}

/** A long path is cut at its start. */
export function place(file: string, line: number): HTMLElement {
  return h('span', { class: 'place', title: `${file}:${String(line)}` }, h('bdi', {}, `${file}:${String(line)}`));
}
