/**
 * The call graph as a drawing, in the languages of Graphviz and Mermaid.
 *
 * Shape and colour both tell the class: boxes are Global State, ovals I/O, hexagons coroutines (in the colour of their class),
 * rounded boxes the rest. Files are clusters. Names are whatever a program calls its functions, so they are escaped.
 * In: a `CallGraph` or a `ModuleGraph`. Out: text that ends with a newline.
 */
import type { CallGraph, GraphEdge, GraphFunction, ModuleGraph } from '../model/questions.ts';
import { visible } from './visible.ts';
import { counted } from './words.ts';

type Look = 'globalState' | 'io' | 'ioOrGs' | 'common' | 'coroutine' | 'plain';

const COLOURS: Readonly<Record<Look, { readonly fill: string; readonly line: string }>> = {
  globalState: { fill: '#fbe0d3', line: '#a63c14' },
  io: { fill: '#d9e9fb', line: '#1d5a9e' },
  ioOrGs: { fill: '#e6e1f8', line: '#5b4a9c' },
  common: { fill: '#ececec', line: '#5a5a5a' },
  coroutine: { fill: '#dcf2dc', line: '#256b2b' },
  plain: { fill: '#ffffff', line: '#767676' },
};

type Form = 'box' | 'oval' | 'hexagon' | 'rounded';

interface Shape {
  readonly name: string;
  readonly look: Look;
  readonly form: Form;
  readonly cluster: string | null;
}

interface Line {
  readonly from: number;
  readonly to: number;
  readonly style: 'solid' | 'dashed' | 'dotted';
  readonly label: string | null;
}

interface Drawing {
  readonly shapes: readonly Shape[];
  readonly lines: readonly Line[];
}

export function formatDot(graph: CallGraph | ModuleGraph): string {
  const { shapes, lines } = drawingOf(graph);
  const node = (index: number, indent: string): string => {
    const { name, look, form } = shapes[index] as Shape;
    const shape = { box: 'shape=box, style=filled', oval: 'shape=ellipse, style=filled', hexagon: 'shape=hexagon, style=filled', rounded: 'shape=box, style="rounded,filled"' }[form];
    return `${indent}n${String(index)} [label=${dotText(name)}, ${shape}, fillcolor="${COLOURS[look].fill}", color="${COLOURS[look].line}"];`;
  };
  return text([
    '// Boxes: Global State. Ovals: I/O. Hexagons: coroutines. Rounded boxes: no class. Dashed: through a slot. Dotted: as a callback.',
    'digraph gsio {',
    '  rankdir=LR;',
    '  node [fontname="sans-serif"];',
    '  edge [color="#4a4a4a", fontname="sans-serif"];',
    ...clusters(shapes).flatMap(({ name, members }, index) => (name === null ? members.map((member) => node(member, '  ')) : [
      `  subgraph cluster_${String(index)} {`,
      `    label=${dotText(name)};`,
      '    color="#b0b0b0";',
      ...members.map((member) => node(member, '    ')),
      '  }',
    ])),
    ...lines.map(({ from, to, style, label }) => {
      const attributes = [...(style === 'solid' ? [] : [`style=${style}`]), ...(label === null ? [] : [`label=${dotText(label)}`])];
      return `  n${String(from)} -> n${String(to)}${attributes.length === 0 ? '' : ` [${attributes.join(', ')}]`};`;
    }),
    '}',
  ]);
}

export function formatMermaid(graph: CallGraph | ModuleGraph): string {
  const { shapes, lines } = drawingOf(graph);
  const node = (index: number, indent: string): string => {
    const { name, look, form } = shapes[index] as Shape;
    const [open, close] = ({ box: ['[', ']'], oval: ['([', '])'], hexagon: ['{{', '}}'], rounded: ['(', ')'] } as const)[form];
    return `${indent}n${String(index)}${open}${mermaidText(name)}${close}:::${look}`;
  };
  const used = [...new Set(shapes.map(({ look }) => look))];
  return text([
    'flowchart LR',
    ...clusters(shapes).flatMap(({ name, members }, index) => (name === null ? members.map((member) => node(member, '  ')) : [
      `  subgraph m${String(index)}[${mermaidText(name)}]`,
      ...members.map((member) => node(member, '    ')),
      '  end',
    ])),
    ...lines.map(({ from, to, style, label }) => `  n${String(from)} ${style === 'solid' ? '-->' : '-.->'}${label === null ? '' : `|${mermaidText(label)}|`} n${String(to)}`),
    ...(Object.keys(COLOURS) as Look[]).filter((look) => used.includes(look)).map((look) => `  classDef ${look} fill:${COLOURS[look].fill},stroke:${COLOURS[look].line},color:#1a1a1a`),
  ]);
}

function drawingOf(graph: CallGraph | ModuleGraph): Drawing {
  if ('modules' in graph) {
    return {
      shapes: graph.modules.map(({ file, functions, classes, coroutines }) => {
        const tags = Object.keys(classes) as (keyof typeof classes)[];
        const [only] = tags.length === 1 ? tags : [];
        const isCoroutines = functions > 0 && coroutines === functions;
        return { name: `${file}\n${counted(functions, 'function')}`, look: only ?? (isCoroutines ? 'coroutine' : 'plain'), form: formOf(only ?? null, isCoroutines), cluster: null };
      }),
      lines: graph.edges.map(({ from, to, calls }) => ({ from, to, style: 'solid', label: String(calls) })),
    };
  }
  return { shapes: graph.functions.map(shapeOf), lines: linesOf(graph.edges) };
}

function shapeOf({ function: name, file, class: tag, coroutine }: GraphFunction): Shape {
  const isCoroutine = coroutine === 'coroutine';
  return { name, look: tag ?? (isCoroutine ? 'coroutine' : 'plain'), form: formOf(tag, isCoroutine), cluster: file };
}

function formOf(tag: GraphFunction['class'], isCoroutine: boolean): Form {
  return isCoroutine ? 'hexagon' : tag === 'globalState' ? 'box' : tag === null ? 'rounded' : 'oval';
}

/** One line for each pair of functions and kind of call. */
function linesOf(edges: readonly GraphEdge[]): Line[] {
  const lines = new Map<string, Line>();
  for (const { from, to, kind } of edges) {
    const style = kind === 'slot' ? 'dashed' : kind === 'callback' ? 'dotted' : 'solid';
    const id = `${String(from)} ${String(to)} ${style}`;
    if (!lines.has(id)) lines.set(id, { from, to, style, label: style === 'solid' ? null : kind });
  }
  return [...lines.values()].sort((a, b) => a.from - b.from || a.to - b.to || (a.style < b.style ? 1 : -1));
}

function clusters(shapes: readonly Shape[]): { name: string | null; members: number[] }[] {
  const byName = new Map<string | null, number[]>();
  shapes.forEach(({ cluster }, index) => {
    const members = byName.get(cluster);
    if (members === undefined) byName.set(cluster, [index]);
    else members.push(index);
  });
  return [...byName].map(([name, members]) => ({ name, members }));
}

function dotText(written: string): string {
  return `"${oneLine(written).map((line) => line.replace(/[\\"]/g, '\\$&')).join('\\n')}"`;
}

/** Mermaid reads Markdown, HTML and its own syntax in labels; entity codes keep everything but plain words from meaning anything. */
function mermaidText(written: string): string {
  return `"${oneLine(written).map((line) => line.replace(/[^\p{L}\p{N} ._/:-]/gu, (character) => `#${String(character.codePointAt(0))};`)).join('<br/>')}"`;
}

function oneLine(written: string): string[] {
  return visible(written).replace(/\t/g, ' ').split('\n');
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
