/**
 * What each file of a program can see of the others, as one short text per file.
 *
 * In: a program whose unchanged files are the same objects as in earlier programs. Out: for every file a signature; as long
 * as it stays the same, no type and no declaration that the file can get hold of has changed.
 * Leaves to others: the file itself; whose object changed is new.
 *
 * A file sees what it imports, what that imports, and so on, and everything that speaks to the whole program: libraries,
 * scripts, `declare global` and `declare module`. Files that import each other in a circle see the same. With a → b ⇄ c,
 * the signature of b and of c is made from both files, and that of a from its own file and from theirs.
 */
import type ts from 'typescript';
import { createHash } from 'node:crypto';
import type { Compiler } from './compiler.ts';
import { shapeOf } from './shape.ts';

interface Outlook {
  /** Where the file names modules, in source order. */
  readonly specifiers: readonly ts.Expression[];
  /** Other files see it without importing it. */
  readonly global: boolean;
  /** Its comments may import types, which nobody follows: it sees every file. */
  readonly everything: boolean;
  readonly shape: string;
}

export class Sight {
  private readonly ts: Compiler;
  private readonly ids = new WeakMap<ts.SourceFile, number>();
  private readonly outlooks = new WeakMap<ts.SourceFile, Outlook>();
  private lastId = 0;

  constructor(compiler: Compiler) {
    this.ts = compiler;
  }

  signatures(program: ts.Program, isExternal: (source: ts.SourceFile) => boolean): Map<ts.SourceFile, string> {
    const checker = program.getTypeChecker();
    const all = program.getSourceFiles();
    const own = all.filter((source) => !isExternal(source));
    const outlooks = own.map((source) => this.outlook(source));
    const indices = new Map(own.map((source, index) => [source, index]));
    const everything = digest(all.map((source) => String(this.id(source))));
    const edges: number[][] = [];
    const lines = own.map((source) => {
      const targets: number[] = [];
      const names = this.outlook(source).specifiers.map((specifier) => {
        const declarations = checker.getSymbolAtLocation(specifier)?.declarations ?? [];
        return declarations.map((declaration) => {
          const target = declaration.getSourceFile();
          const at = indices.get(target);
          if (at !== undefined) targets.push(at);
          return target.fileName;
        }).join('|');
      });
      edges.push(targets);
      return `${source.fileName} ${this.outlook(source).shape} ${names.join(' ')}`;
    });
    const seen: string[] = [];
    for (const circle of circles(edges)) {
      const members = new Set(circle);
      const outside = new Set(circle.flatMap((index) => edges[index] ?? []).filter((target) => !members.has(target)).map((target) => seen[target] ?? ''));
      const parts = [...circle.map((index) => lines[index] ?? ''), ...outside].sort();
      if (circle.some((index) => outlooks[index]?.everything)) parts.push(everything);
      const signature = digest(parts);
      for (const index of circle) seen[index] = signature;
    }
    const world = digest([
      optionsText(program.getCompilerOptions()),
      ...all.filter(isExternal).map((source) => String(this.id(source))),
      ...seen.filter((_, index) => outlooks[index]?.global),
    ]);
    return new Map(own.map((source, index) => [source, `${world} ${seen[index] ?? ''}`]));
  }

  private id(source: ts.SourceFile): number {
    let id = this.ids.get(source);
    if (id === undefined) {
      id = ++this.lastId;
      this.ids.set(source, id);
    }
    return id;
  }

  private outlook(source: ts.SourceFile): Outlook {
    let outlook = this.outlooks.get(source);
    if (outlook === undefined) {
      outlook = readOutlook(this.ts, source);
      this.outlooks.set(source, outlook);
    }
    return outlook;
  }
}

function readOutlook(compiler: Compiler, source: ts.SourceFile): Outlook {
  const specifiers: ts.Expression[] = [];
  let global = !compiler.isExternalModule(source) && !source.fileName.endsWith('.json');
  for (const statement of source.statements) {
    if ((compiler.isImportDeclaration(statement) || compiler.isExportDeclaration(statement)) && statement.moduleSpecifier !== undefined) specifiers.push(statement.moduleSpecifier);
    else if (compiler.isImportEqualsDeclaration(statement) && compiler.isExternalModuleReference(statement.moduleReference)) specifiers.push(statement.moduleReference.expression);
    else if (compiler.isModuleDeclaration(statement)) global ||= compiler.isStringLiteral(statement.name) || statement.name.text === 'global';
  }
  if (global || /\b(?:import|require)\s*[(/]/.test(source.text)) specifiers.push(...inlineSpecifiers(compiler, source));
  return { specifiers, global, everything: /\.[cm]?jsx?$/.test(source.fileName), shape: shapeOf(compiler, source) };
}

/** `import('./disk.ts')` as a call or as a type, `require`, and the imports of a `declare module`. */
function inlineSpecifiers(compiler: Compiler, source: ts.SourceFile): ts.Expression[] {
  const specifiers: ts.Expression[] = [];
  const stack: ts.Node[] = [source];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (compiler.isCallExpression(node)) {
      const [first] = node.arguments;
      const loads = node.expression.kind === compiler.SyntaxKind.ImportKeyword || (compiler.isIdentifier(node.expression) && node.expression.text === 'require');
      if (loads && first !== undefined && compiler.isStringLiteralLike(first)) specifiers.push(first);
    } else if (compiler.isImportDeclaration(node)) {
      specifiers.push(node.moduleSpecifier);
    } else if (compiler.isImportTypeNode(node) && compiler.isLiteralTypeNode(node.argument) && compiler.isStringLiteral(node.argument.literal)) {
      specifiers.push(node.argument.literal);
    }
    compiler.forEachChild(node, (child) => { stack.push(child); });
  }
  return specifiers;
}

/**
 * The strongly connected components of a graph, each after those that it has edges to (Tarjan 1972, without recursion:
 * chains of imports are as long as the user makes them).
 */
function circles(edges: readonly (readonly number[])[]): number[][] {
  const found: number[][] = [];
  const order = new Array<number>(edges.length).fill(-1);
  const low = new Array<number>(edges.length).fill(0);
  const open: number[] = [];
  const isOpen = new Array<boolean>(edges.length).fill(false);
  let count = 0;
  const enter = (node: number): { node: number; next: number } => {
    order[node] = low[node] = count++;
    open.push(node);
    isOpen[node] = true;
    return { node, next: 0 };
  };
  for (let start = 0; start < edges.length; start++) {
    if (order[start] !== -1) continue;
    const path = [enter(start)];
    for (let at = path.at(-1); at !== undefined; at = path.at(-1)) {
      const { node } = at;
      const target = edges[node]?.[at.next++];
      if (target === undefined) {
        path.pop();
        const above = path.at(-1)?.node;
        if (above !== undefined) low[above] = Math.min(low[above] ?? 0, low[node] ?? 0);
        if (low[node] !== order[node]) continue;
        const circle = open.splice(open.lastIndexOf(node));
        for (const member of circle) isOpen[member] = false;
        found.push(circle);
      } else if (order[target] === -1) {
        path.push(enter(target));
      } else if (isOpen[target] === true) {
        low[node] = Math.min(low[node] ?? 0, order[target] ?? 0);
      }
    }
  }
  return found;
}

/** The parsed tsconfig among the options refers to itself, and says nothing that the options do not say. */
function optionsText(options: ts.CompilerOptions): string {
  return JSON.stringify(options, (key, value: unknown) => (key === 'configFile' ? undefined : value));
}

function digest(parts: readonly string[]): string {
  return createHash('sha1').update(parts.join('\n')).digest('base64');
}
