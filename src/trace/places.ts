/**
 * The functions and call sites of the traced files: numbers in the instrumented text, original positions here.
 *
 * In: syntax nodes. Out: a number for each, from 1, and its place.
 * Leaves to others: the text (`instrument.ts`), what was recorded (`record.ts`).
 */
import type ts from 'typescript';
import { spanOf, type Names } from '../frontend/ts/names.ts';
import type { SourceSpan, TracedFunction } from '../model/trace.ts';

/** A call site; `caller` is the number of the function that holds it. */
export interface Place extends SourceSpan {
  readonly caller: number;
}

export class Places {
  private readonly names: Names;
  private readonly functionIds = new Map<ts.Node, number>();
  private readonly functions: TracedFunction[] = [];
  private readonly sites: Place[] = [];

  constructor(names: Names) {
    this.names = names;
  }

  /** A function with a body, the module of a file, or the class whose fields are initialised. */
  functionId(node: ts.Node, kind: 'function' | 'module' | 'fields'): number {
    const known = this.functionIds.get(node);
    if (known !== undefined) return known;
    const name = kind === 'module' ? '<module>' : kind === 'fields' ? `${this.names.display(node)}.<fields>` : this.names.display(node);
    this.functions.push({ function: name, ...this.spanOf(node) });
    this.functionIds.set(node, this.functions.length);
    return this.functions.length;
  }

  siteId(node: ts.Node, caller: number): number {
    this.sites.push({ ...this.spanOf(node), caller });
    return this.sites.length;
  }

  functionAt(id: number): TracedFunction | undefined {
    return this.functions[id - 1];
  }

  siteAt(id: number): Place | undefined {
    return this.sites[id - 1];
  }

  private spanOf(node: ts.Node): SourceSpan {
    const source = node.getSourceFile();
    return { file: this.names.fileOf(source), ...spanOf(source, node.getStart(source), node.end) };
  }
}
