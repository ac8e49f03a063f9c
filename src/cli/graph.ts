/** `gsio graph`: the call graph as a drawing or as JSON; all of it, or what surrounds a function or file. */
import type { Model } from '../engine/model.ts';
import { buildCallGraph } from '../engine/questions/call-graph.ts';
import { moduleGraph, neighbourhood } from '../engine/questions/graph-views.ts';
import { UsageError } from '../model/errors.ts';
import type { CallGraph, GraphFunction } from '../model/questions.ts';
import { formatDot, formatMermaid } from '../report/graph-drawing.ts';
import { formatGraphJson, formatModuleGraphJson } from '../report/graph-json.ts';
import { answer, askProjects, placeNamed } from './ask.ts';
import { oneOf, wholeNumber } from './choice.ts';
import type { ProjectOptions } from './on-projects.ts';
import type { Streams } from './streams.ts';

export interface GraphOptions extends ProjectOptions {
  readonly format?: string;
  readonly by?: string;
  readonly around?: string;
  readonly depth?: string;
  readonly output?: string;
}

export async function graph(options: GraphOptions, streams: Streams): Promise<0> {
  const format = oneOf('format', options.format ?? 'dot', ['dot', 'mermaid', 'json']);
  const byModule = oneOf('grouping', options.by ?? 'function', ['function', 'module']) === 'module';
  const depth = options.depth === undefined ? 1 : wholeNumber('--depth', options.depth, 0);
  if (options.depth !== undefined && options.around === undefined) {
    throw new UsageError('invalid-option', '--depth needs --around.', 'Name the function whose surroundings you want after --around.');
  }
  await answer(options.output, streams, async () => {
    const models = await askProjects([], options, streams);
    const whole = buildCallGraph(models);
    const shown = options.around === undefined ? whole : neighbourhood(whole, centre(models, whole, options.around), depth);
    if (!byModule) return format === 'json' ? formatGraphJson(shown) : format === 'dot' ? formatDot(shown) : formatMermaid(shown);
    const modules = moduleGraph(shown);
    return format === 'json' ? formatModuleGraphJson(modules) : format === 'dot' ? formatDot(modules) : formatMermaid(modules);
  });
  return 0;
}

/** A file stands for all functions in it, any other name for one function. */
function centre(models: readonly Model[], { functions }: CallGraph, written: string): (fn: GraphFunction) => boolean {
  const files = new Set(functions.map(({ file }) => file).filter((file) => file === written || file.endsWith(`/${written}`)));
  if (files.size > 0) return ({ file }) => files.has(file);
  const { key } = placeNamed(models, written);
  if (!functions.some((fn) => fn.key === key)) {
    throw new UsageError('no-body', `${written} has no body, so it is not in the call graph.`, `gsio explain ${written} tells who calls it.`);
  }
  return (fn) => fn.key === key;
}
