/**
 * The call graph around some functions, drawn in layers: callers above, what they call below.
 *
 * In: functions to start with, and which of them are on a path. Out: an element; a node leads to its function, a badge adds its neighbours.
 * Boxes are Global State, ovals I/O, hexagons coroutines, slanted boxes common code; what has no class is a box with a broken line.
 */
import { Graph, layout, type EdgeLabel, type GraphLabel, type NodeLabel } from '@dagrejs/dagre';
import type { ClassTag } from '../../../model/summary.ts';
import { CLASS_NAMES } from '../../words.ts';
import { shortened } from '../../visible.ts';
import { CLASSES, COROUTINES } from '../page-data.ts';
import { callGraph, data, fileName } from './data.ts';
import { fill, h, svg } from './dom.ts';
import { linkTo } from './route.ts';

/** A node: a function, or a hop that is none, such as a slot. */
export interface Start {
  readonly fn: number;
  readonly name: string;
  readonly class: ClassTag | null;
}

interface Drawn {
  readonly key: string;
  readonly fn: number;
  readonly name: string;
  readonly file: string;
  readonly class: ClassTag | null;
  readonly isCoroutine: boolean;
  readonly onPath: boolean;
}

const MOST_NODES = 120;
const MOST_ADDED = 8;
const LONGEST_NAME = 34;

export function drawing(path: readonly Start[], label: string): HTMLElement {
  return new Drawing(path, label).element;
}

class Drawing {
  readonly element: HTMLElement;
  private readonly label: string;
  private readonly path: readonly Start[];
  private readonly canvas = h('div', { class: 'canvas', tabindex: 0, role: 'region' });
  private readonly note = h('p', { class: 'muted', role: 'status' });
  private readonly shown = new Map<string, Drawn>();
  private scale = 1;

  constructor(path: readonly Start[], label: string) {
    this.path = path;
    this.label = label;
    this.canvas.setAttribute('aria-label', label);
    for (const start of path) this.add(start.fn, start, true);
    this.element = h('div', { class: 'graph' },
      h('div', { class: 'graph-tools' }, legend(), h('span', { class: 'tools' },
        h('button', { type: 'button', onclick: () => { this.zoom(1 / 1.25); }, 'aria-label': 'Smaller' }, '−'),
        h('button', { type: 'button', onclick: () => { this.zoom(1.25); }, 'aria-label': 'Larger' }, '+'),
        data.inventory === null ? null : h('button', { type: 'button', onclick: () => { this.expandAll(); } }, 'Add all neighbours'))),
      this.canvas, this.note);
    if (path.length === 1) this.expand(path[0]?.fn ?? -1);
    else this.draw();
  }

  private add(fn: number, start: Start | null, onPath: boolean): void {
    const key = fn >= 0 ? `f${String(fn)}` : `n${start?.name ?? ''}`;
    const functions = data.inventory?.functions;
    if (this.shown.has(key)) return;
    this.shown.set(key, {
      key, fn, onPath, name: start?.name ?? functions?.name[fn] ?? '', file: fn >= 0 ? fileName(functions?.file[fn] ?? -1) : '',
      class: start?.class ?? CLASSES[functions?.class[fn] ?? 0] ?? null,
      isCoroutine: /^coroutine/.test(COROUTINES[functions?.coroutine[fn] ?? 0] ?? ''),
    });
  }

  private hidden(fn: number): number[] {
    if (fn < 0) return [];
    const { callers, callees } = callGraph();
    return [...new Set([...callers(fn), ...callees(fn)])].filter((other) => !this.shown.has(`f${String(other)}`));
  }

  private expand(fn: number): void {
    const hidden = this.hidden(fn);
    const room = Math.max(0, MOST_NODES - this.shown.size);
    for (const other of hidden.slice(0, Math.min(MOST_ADDED, room))) this.add(other, null, false);
    this.note.textContent = room === 0 ? `No more than ${String(MOST_NODES)} functions are drawn; follow a node to go on from there.` : '';
    this.draw();
  }

  private expandAll(): void {
    for (const { fn } of [...this.shown.values()]) {
      for (const other of this.hidden(fn).slice(0, MOST_ADDED)) if (this.shown.size < MOST_NODES) this.add(other, null, false);
    }
    this.draw();
  }

  private zoom(by: number): void {
    this.scale = Math.max(0.3, Math.min(3, this.scale * by));
    this.resize();
  }

  private resize(): void {
    const image = this.canvas.querySelector('svg');
    if (image === null) return;
    image.style.width = `${String(Number(image.dataset['width']) * this.scale)}px`;
    image.style.height = 'auto';
    // As wide as there is room, until somebody asks for more.
    image.style.maxWidth = this.scale === 1 ? '100%' : 'none';
  }

  private draw(): void {
    const graph = new Graph<GraphLabel, NodeLabel, EdgeLabel>();
    graph.setGraph({ rankdir: 'TB', nodesep: 24, ranksep: 42, marginx: 24, marginy: 14 });
    graph.setDefaultEdgeLabel(() => ({}));
    const nodes = [...this.shown.values()];
    for (const node of nodes) graph.setNode(node.key, sizeOf(node));
    const { callees } = callGraph();
    for (const { fn, key } of nodes) {
      for (const to of fn < 0 ? [] : callees(fn)) if (to !== fn && this.shown.has(`f${String(to)}`)) graph.setEdge(key, `f${String(to)}`, { weight: 1 });
    }
    this.path.forEach((start, index) => {
      const before = this.path[index - 1];
      if (before !== undefined && keyOf(before) !== keyOf(start)) graph.setEdge(keyOf(before), keyOf(start), { weight: 8 });
    });
    layout(graph);
    const { width = 100, height = 100 } = graph.graph();
    fill(this.canvas, svg('svg', { viewBox: `0 0 ${String(width)} ${String(height)}`, 'data-width': width, role: 'group', 'aria-label': this.label },
      svg('defs', {}, arrow('arrow'), arrow('arrow-path')),
      graph.edges().map(({ v, w }) => {
        const { points = [], weight = 1 } = graph.edge(v, w);
        const isPath = weight > 1;
        return svg('path', { d: curve(points), class: isPath ? 'edge path' : 'edge', 'marker-end': `url(#${isPath ? 'arrow-path' : 'arrow'})` });
      }),
      nodes.map((node) => this.nodeOf(node, graph.node(node.key) as Box))));
    this.resize();
  }

  private nodeOf(node: Drawn, { x, y, width, height }: Box): SVGElement {
    const words = [node.class === null ? 'no class' : CLASS_NAMES[node.class], ...(node.isCoroutine ? ['coroutine'] : []), ...(node.onPath ? ['on the path'] : [])].join(', ');
    const content = [
      svg('title', {}, `${node.name}\n${node.file}\n${words}`),
      shape(node, width, height),
      svg('text', { class: 'name', y: node.file === '' ? 4 : -2 }, shortened(node.name, LONGEST_NAME)),
      node.file === '' ? null : svg('text', { class: 'file', y: 13 }, fromEnd(node.file)),
    ];
    const hidden = this.hidden(node.fn).length;
    const classes = `node ${node.class ?? 'none'}${node.onPath ? ' path' : ''}`;
    const body = node.fn < 0 || data.inventory === null ? svg('g', { class: classes }, content) : svg('a', { class: classes, href: linkTo('function', String(node.fn)) }, content);
    const badge = hidden === 0 ? null : svg('g', {
      class: 'badge', role: 'button', tabindex: 0, transform: `translate(${String(width / 2)},${String(-height / 2)})`, 'aria-label': `Add neighbours of ${node.name}: ${String(hidden)}`,
      onclick: () => { this.expand(node.fn); },
      onkeydown: (event: KeyboardEvent) => {
        if (event.key !== 'Enter' && event.key !== ' ') return;
        event.preventDefault();
        this.expand(node.fn);
        this.canvas.focus();
      },
    }, svg('rect', { x: -16, y: -9, width: 32, height: 18, rx: 9 }), svg('text', { y: 4 }, `+${hidden > 99 ? '99' : String(hidden)}`));
    return svg('g', { transform: `translate(${String(x)},${String(y)})` }, body, badge);
  }
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function keyOf({ fn, name }: Start): string {
  return fn >= 0 ? `f${String(fn)}` : `n${name}`;
}

function sizeOf({ name, file, class: tag, isCoroutine }: Drawn): { width: number; height: number } {
  const text = Math.max(shortened(name, LONGEST_NAME).length * 8, fromEnd(file).length * 6.2);
  const isWide = isCoroutine || tag === 'io' || tag === 'ioOrGs';
  return { width: Math.max(90, text + (isWide ? 56 : 26)), height: 44 };
}

function fromEnd(file: string): string {
  return file.length > LONGEST_NAME ? `…${file.slice(file.length - LONGEST_NAME + 1).replace(/^[\udc00-\udfff]/, '')}` : file;
}

/** A coroutine keeps the colour of its class. */
function shape({ class: tag, isCoroutine }: Drawn, width: number, height: number): SVGElement {
  const [x, y] = [width / 2, height / 2];
  if (isCoroutine) return svg('polygon', { points: `${String(-x)},0 ${String(-x + 14)},${String(-y)} ${String(x - 14)},${String(-y)} ${String(x)},0 ${String(x - 14)},${String(y)} ${String(-x + 14)},${String(y)}` });
  if (tag === 'io') return svg('ellipse', { rx: x, ry: y });
  if (tag === 'common') return svg('polygon', { points: `${String(-x + 9)},${String(-y)} ${String(x)},${String(-y)} ${String(x - 9)},${String(y)} ${String(-x)},${String(y)}` });
  return svg('rect', { x: -x, y: -y, width, height, rx: tag === 'ioOrGs' ? y : tag === null ? 8 : 2 });
}

function arrow(id: string): SVGElement {
  return svg('marker', { id, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 10, markerHeight: 10, markerUnits: 'userSpaceOnUse', orient: 'auto-start-reverse' }, svg('path', { d: 'M0,0 L10,5 L0,10 z', class: id }));
}

function curve(points: readonly { readonly x: number; readonly y: number }[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  const at = ({ x, y }: { readonly x: number; readonly y: number }): string => `${x.toFixed(1)},${y.toFixed(1)}`;
  const middle = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? point;
    return `Q${at(point)} ${at({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
  });
  return `M${at(first)} ${middle.join(' ')} L${at(rest.at(-1) ?? first)}`;
}

function legend(): HTMLElement {
  const entry = (tag: ClassTag | null, isCoroutine: boolean, text: string): HTMLElement => h('span', {},
    svg('svg', { width: 34, height: 18, viewBox: '-18 -10 36 20', 'aria-hidden': 'true' }, svg('g', { class: `node ${tag ?? (isCoroutine ? 'any' : 'none')}` }, shape({ class: tag, isCoroutine } as Drawn, 32, 16))), text);
  return h('span', { class: 'legend' }, entry('globalState', false, 'Global State'), entry('io', false, 'I/O'), entry('ioOrGs', false, 'I/O or GS'), entry('common', false, 'Common'), entry(null, true, 'Coroutine'), entry(null, false, 'No class'));
}
