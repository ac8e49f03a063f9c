/**
 * Names that are worth a question to the type checker.
 *
 * In: the project's own source files. Out: sets of names, gathered from the syntax alone. A property access whose name
 * is in none of them cannot run an accessor, hold a function or write the graph, so that nobody needs its type.
 * Leaves to others: what a name means at a place (`symbols.ts`).
 */
import type ts from 'typescript';
import type { Tags } from '../../model/summary.ts';
import type { Compiler } from './compiler.ts';
import { memberName } from './names.ts';
import { forEachNode } from './traverse.ts';

export type NameSet = Pick<ReadonlySet<string>, 'has' | 'size'>;

export interface ProjectNames<Names extends NameSet = NameSet> {
  /** Properties that a getter or setter stands behind. */
  readonly accessors: Names;
  /** Members that can hold a function: methods, function-typed properties, properties given a function. */
  readonly callable: Names;
  /** Members of interfaces, types and classes that hold functions. */
  readonly slots: Names;
  /** Properties tagged `@graphState`. */
  readonly graphState: Names;
  /** Names of enums and of objects declared `as const`. */
  readonly constantObjects: Names;
  /** Members with a computed name such as `[Symbol.iterator]`. */
  readonly wellKnown: Names;
  /** Whether a type alias that may be a function type carries tags. */
  readonly taggedTypes: boolean;
}

/** Those of one file depend on nothing but the file. */
export type GatheredNames = ProjectNames<ReadonlySet<string>>;

export function uniteNames(parts: readonly GatheredNames[]): GatheredNames {
  const unite = (setOf: (names: GatheredNames) => ReadonlySet<string>): ReadonlySet<string> => {
    const united = new Set<string>();
    for (const part of parts) for (const name of setOf(part)) united.add(name);
    return united;
  };
  return {
    accessors: unite((names) => names.accessors),
    callable: unite((names) => names.callable),
    slots: unite((names) => names.slots),
    graphState: unite((names) => names.graphState),
    constantObjects: unite((names) => names.constantObjects),
    wellKnown: unite((names) => names.wellKnown),
    taggedTypes: parts.some((names) => names.taggedTypes),
  };
}

export function gatherNames(compiler: Compiler, sources: readonly ts.SourceFile[], graphTags: readonly string[], tagsOf: (declaration: ts.Declaration) => Tags): GatheredNames {
  const accessors = new Set<string>();
  const callable = new Set<string>();
  const slots = new Set<string>();
  const graphState = new Set<string>();
  const wellKnown = new Set<string>();
  const constantObjects = new Set<string>();
  let taggedTypes = false;
  const { SyntaxKind } = compiler;

  const mayHoldFunction = (type: ts.TypeNode | undefined): boolean => {
    if (type === undefined) return false;
    switch (type.kind) {
      case SyntaxKind.FunctionType: case SyntaxKind.ConstructorType: case SyntaxKind.TypeReference: case SyntaxKind.TypeQuery:
      case SyntaxKind.IndexedAccessType: case SyntaxKind.TypeLiteral: case SyntaxKind.AnyKeyword: case SyntaxKind.UnknownKeyword:
      case SyntaxKind.MappedType: case SyntaxKind.ConditionalType: case SyntaxKind.ImportType:
        return true;
      case SyntaxKind.ParenthesizedType: return mayHoldFunction((type as ts.ParenthesizedTypeNode).type);
      case SyntaxKind.ArrayType: return mayHoldFunction((type as ts.ArrayTypeNode).elementType);
      case SyntaxKind.TypeOperator: return mayHoldFunction((type as ts.TypeOperatorNode).type);
      case SyntaxKind.UnionType: case SyntaxKind.IntersectionType:
        return (type as ts.UnionOrIntersectionTypeNode).types.some(mayHoldFunction);
      case SyntaxKind.TupleType: return true;
      default: return false;
    }
  };
  const mayBeFunction = (e: ts.Expression | undefined): boolean => {
    if (e === undefined) return false;
    switch (e.kind) {
      case SyntaxKind.ArrowFunction: case SyntaxKind.FunctionExpression: case SyntaxKind.Identifier:
      case SyntaxKind.PropertyAccessExpression: case SyntaxKind.ObjectLiteralExpression: case SyntaxKind.ArrayLiteralExpression:
      case SyntaxKind.ConditionalExpression: case SyntaxKind.CallExpression: case SyntaxKind.NewExpression: case SyntaxKind.AwaitExpression:
        return true;
      case SyntaxKind.BinaryExpression: return mayBeFunction((e as ts.BinaryExpression).right);
      case SyntaxKind.ParenthesizedExpression: case SyntaxKind.AsExpression: case SyntaxKind.SatisfiesExpression: case SyntaxKind.NonNullExpression:
        return mayBeFunction((e as ts.ParenthesizedExpression).expression);
      default: return false;
    }
  };

  for (const source of sources) {
    const tagged = graphTags.some((tag) => source.text.includes(tag));
    forEachNode(compiler, source, (node) => {
      switch (node.kind) {
        case SyntaxKind.GetAccessor: case SyntaxKind.SetAccessor:
          accessors.add(memberName(compiler, (node as ts.AccessorDeclaration).name));
          break;
        case SyntaxKind.MethodDeclaration: case SyntaxKind.MethodSignature: {
          const name = memberName(compiler, (node as ts.MethodDeclaration).name);
          callable.add(name);
          if (name.startsWith('[')) wellKnown.add(name);
          if (node.kind === SyntaxKind.MethodSignature || compiler.isClassLike(node.parent)) slots.add(name);
          if (name === 'then') wellKnown.add(name);
          break;
        }
        case SyntaxKind.PropertySignature: case SyntaxKind.PropertyDeclaration: {
          const property = node as ts.PropertySignature | ts.PropertyDeclaration;
          const name = memberName(compiler, property.name);
          if (tagged && tagsOf(property).graphState === true) graphState.add(name);
          const initializer = compiler.isPropertyDeclaration(property) ? property.initializer : undefined;
          if (mayHoldFunction(property.type) || mayBeFunction(initializer)) { callable.add(name); slots.add(name); }
          break;
        }
        case SyntaxKind.Parameter:
          if (compiler.isParameterPropertyDeclaration(node, node.parent) && compiler.isIdentifier(node.name)) { callable.add(node.name.text); slots.add(node.name.text); }
          break;
        case SyntaxKind.TypeAliasDeclaration:
          taggedTypes ||= mayHoldFunction((node as ts.TypeAliasDeclaration).type) && isClassed(tagsOf(node as ts.TypeAliasDeclaration));
          break;
        case SyntaxKind.PropertyAssignment:
          if (mayBeFunction((node as ts.PropertyAssignment).initializer)) callable.add(memberName(compiler, (node as ts.PropertyAssignment).name));
          break;
        case SyntaxKind.EnumDeclaration:
          constantObjects.add((node as ts.EnumDeclaration).name.text);
          break;
        case SyntaxKind.VariableDeclaration: {
          const { name, initializer } = node as ts.VariableDeclaration;
          if (initializer?.kind === SyntaxKind.AsExpression && compiler.isIdentifier(name)) constantObjects.add(name.text);
          break;
        }
        case SyntaxKind.ShorthandPropertyAssignment:
          callable.add((node as ts.ShorthandPropertyAssignment).name.text);
          break;
        case SyntaxKind.BinaryExpression: {
          const { left, operatorToken, right } = node as ts.BinaryExpression;
          if (operatorToken.kind === SyntaxKind.EqualsToken && compiler.isPropertyAccessExpression(left) && mayBeFunction(right)) callable.add(left.name.text);
          break;
        }
        default:
      }
    });
  }
  return { accessors, callable, slots, graphState, wellKnown, constantObjects, taggedTypes };
}

function isClassed(tags: Tags): boolean {
  return tags.class !== undefined || tags.coroutine !== undefined;
}
