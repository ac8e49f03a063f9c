/** `gsio classify`: lists every function and slot with its class. The table is for people, JSON for programs. */
import { buildInventory } from '../engine/questions/inventory.ts';
import { formatInventoryJson, formatInventoryTable } from '../report/inventory.ts';
import { answer, askProjects } from './ask.ts';
import { oneOf } from './choice.ts';
import type { ProjectOptions } from './on-projects.ts';
import { wantsColour, type Streams } from './streams.ts';

export interface ClassifyOptions extends ProjectOptions {
  readonly format?: string;
  readonly output?: string;
  readonly color: boolean;
}

export async function classify(paths: readonly string[], options: ClassifyOptions, streams: Streams): Promise<0> {
  const format = oneOf('format', options.format ?? 'table', ['table', 'json']);
  await answer(options.output, streams, async (toTerminal) => {
    const inventory = buildInventory(await askProjects(paths, options, streams));
    return format === 'json' ? formatInventoryJson(inventory) : formatInventoryTable(inventory, toTerminal && wantsColour(streams, options.color));
  });
  return 0;
}
