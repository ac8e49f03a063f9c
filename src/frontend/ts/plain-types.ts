/**
 * Types that are plain to see: what declarations say, without inference and without following the flow of control.
 *
 * In: expressions. Out: the type, or the member that a property access means; null wherever the checker is to be asked.
 * The checker checks an object, the arguments of every call in it and all that narrows it before it tells a member. Most
 * objects are declared as one class or interface, which nothing in the file narrows: their members need no check.
 *
 *     function flush(disk: Disk) { disk.queue().push(disk); }      Disk has a queue(): Queue, Queue a push
 *
 * A union is never plain, so that of all that narrows a type only `instanceof`, `in`, `typeof`, `.constructor` and type
 * predicates count; where one stands on the same name, the checker is asked.
 * Leaves to others: everything else about types (`symbols.ts`).
 */
import type ts from 'typescript';
import type { Compiler } from './compiler.ts';
import { forEachNode, skipTypes } from './traverse.ts';
import type { Symbols } from './symbols.ts';

/** Methods of the language's library that narrow the object they are called on. */
const LIBRARY_GUARDS = ['every', 'matches'];
const GUARD_OF_THIS = /:\s*(?:asserts\s+this\b|this\s+is\b)/;
const MAX_DEPTH = 40;

interface Plain {
  readonly type: ts.Type;
  /** Type arguments are not known: members are, but nothing that depends on the arguments. */
  readonly open: boolean;
}

/** Something that may narrow a reference; a call does only where the function is a type predicate. */
interface Narrower {
  readonly root: ts.Identifier | null;
  readonly call: ts.CallExpression | null;
}

/** All that may narrow one variable, or a property of it. Null: something other than a call does. */
interface Narrowers {
  calls: ts.CallExpression[] | null;
  narrow: boolean | null;
}

interface Places {
  readonly all: Narrower[];
  byRoot: Map<ts.Symbol | null, Narrowers> | null;
}

export class PlainTypes {
  private readonly symbols: Symbols;
  private readonly ts: Compiler;
  private readonly checker: ts.TypeChecker;
  private readonly types = new Map<ts.Node, Plain | null>();
  private readonly narrowers = new Map<ts.SourceFile, ReadonlyMap<string, Places>>();
  private readonly predicates = new Map<ts.CallExpression, boolean>();
  private guards: ReadonlySet<string> | null = null;
  private depth = 0;
  private array: ts.Type | null | undefined;

  constructor(symbols: Symbols) {
    this.symbols = symbols;
    this.ts = symbols.ts;
    this.checker = symbols.checker;
  }

  /** The member that a property access means. */
  member(access: ts.PropertyAccessExpression): ts.Symbol | null {
    if (!this.ts.isIdentifier(access.name)) return null;
    const object = this.object(access.expression);
    return object === null ? null : this.checker.getPropertyOfType(object.type, access.name.text) ?? null;
  }

  /** The type of what a call or `new` gives, whatever it is. */
  result(e: ts.CallExpression | ts.NewExpression): ts.Type | null {
    const signatures = this.signatures(e);
    const [signature] = signatures?.list ?? [];
    if (signatures === null || signature === undefined || signatures.open || signatures.list.length > 1 || signature.typeParameters !== undefined || isInferred(this.ts, e, signature)) return null;
    return this.checker.getReturnTypeOfSignature(signature);
  }

  /** What a name or property is declared as, whatever narrows it at this place. */
  declared(e: ts.Expression): ts.Type | null {
    const { ts, checker } = this;
    if (ts.isPropertyAccessExpression(e)) {
      const object = this.object(e.expression);
      const member = object === null || object.open ? undefined : checker.getPropertyOfType(object.type, e.name.text);
      return member?.declarations === undefined ? null : checker.getTypeOfSymbol(member);
    }
    const symbol = ts.isIdentifier(e) ? this.symbols.symbolAt(e) : null;
    const declaration = symbol?.valueDeclaration;
    if (symbol === null || declaration === undefined || (!ts.isVariableDeclaration(declaration) && !ts.isParameter(declaration))) return null;
    if (declaration.type !== undefined) return checker.getTypeOfSymbol(symbol);
    return ts.isParameter(declaration) ? this.parameter(declaration) : null;
  }

  /** What a function gives that is named, not written at the place. */
  returned(callback: ts.Expression): ts.Type | null {
    const object = this.object(callback);
    const [signature, ...others] = object === null || object.open ? [] : object.type.getCallSignatures();
    return signature === undefined || others.length > 0 || signature.typeParameters !== undefined || signature.declaration?.type === undefined ? null : this.checker.getReturnTypeOfSignature(signature);
  }

  /** The type of the elements, where an expression is an array. */
  element(expression: ts.Expression): ts.Type | null {
    const object = this.object(expression);
    return object === null || object.open ? null : this.elementOf(object.type);
  }

  /** What an argument of a call is asked to be. */
  argument(call: ts.CallExpression | ts.NewExpression, index: number): ts.Type | null {
    const signatures = this.signatures(call);
    const [signature] = signatures?.list ?? [];
    return signature === undefined || signatures?.open !== false || signatures.list.length > 1 || signature.typeParameters !== undefined ? null : this.parameterType(signature, index);
  }

  /** The library's own array, of whatever. */
  private arrayType(): ts.Type | null {
    if (this.array !== undefined) return this.array;
    this.array = null;
    for (const source of this.symbols.sources()) {
      const declaration = this.symbols.isLibrary(source) ? source.statements.find((s) => this.ts.isInterfaceDeclaration(s) && s.name.text === 'Array') : undefined;
      const symbol = declaration === undefined ? undefined : this.checker.getSymbolAtLocation((declaration as ts.InterfaceDeclaration).name);
      if (symbol === undefined) continue;
      this.array = this.checker.getDeclaredTypeOfSymbol(symbol);
      break;
    }
    return this.array;
  }

  private elementOf(type: ts.Type): ts.Type | null {
    return this.checker.isArrayType(type) ? this.checker.getTypeArguments(type as ts.TypeReference)[0] ?? null : null;
  }

  private signatures(e: ts.CallExpression | ts.NewExpression): { readonly list: readonly ts.Signature[]; readonly open: boolean } | null {
    const callee = this.object(skipTypes(this.ts, e.expression));
    if (callee === null) return null;
    return { list: this.ts.isCallExpression(e) ? callee.type.getCallSignatures() : callee.type.getConstructSignatures(), open: callee.open };
  }

  /** An expression's type where it is one object type, without null and undefined. */
  private object(expression: ts.Expression): Plain | null {
    const e = skipParentheses(this.ts, expression);
    const known = this.types.get(e);
    if (known !== undefined) return known;
    if (this.depth > MAX_DEPTH) return null;
    this.depth++;
    const found = this.find(e);
    this.depth--;
    this.types.set(e, found);
    return found;
  }

  private single(type: ts.Type | null | undefined, open = false): Plain | null {
    if (type === null || type === undefined) return null;
    const { TypeFlags } = this.ts;
    const present = (type.flags & TypeFlags.Union) === 0 ? type : this.checker.getNonNullableType(type);
    return (present.flags & (TypeFlags.Object | TypeFlags.StringLike | TypeFlags.NumberLike)) === 0 || (present.flags & TypeFlags.UnionOrIntersection) !== 0 ? null : { type: present, open };
  }

  private find(e: ts.Expression): Plain | null {
    const { ts, checker } = this;
    switch (e.kind) {
      case ts.SyntaxKind.Identifier: return this.variable(e as ts.Identifier);
      case ts.SyntaxKind.ThisKeyword: return this.isNarrowed(e) ? null : this.single(this.instance(e));
      case ts.SyntaxKind.PropertyAccessExpression: {
        const member = this.symbols.symbolAt((e as ts.PropertyAccessExpression).name);
        if (member === null || member.declarations === undefined || this.isNarrowed(e)) return null;
        // What was found in an open type is as open.
        const open = this.types.get(skipParentheses(ts, (e as ts.PropertyAccessExpression).expression))?.open === true;
        return this.single(checker.getTypeOfSymbol(member), open);
      }
      case ts.SyntaxKind.CallExpression: case ts.SyntaxKind.NewExpression: return this.given(e as ts.CallExpression);
      case ts.SyntaxKind.ArrayLiteralExpression: return this.single(this.arrayType(), true);
      case ts.SyntaxKind.AwaitExpression: {
        const promise = this.object((e as ts.AwaitExpression).expression);
        return promise === null ? null : this.single(checker.getAwaitedType(promise.type), promise.open);
      }
      case ts.SyntaxKind.AsExpression: case ts.SyntaxKind.TypeAssertionExpression: {
        const { type } = e as ts.AsExpression;
        return ts.isTypeReferenceNode(type) && type.typeName.getText() !== 'const' ? this.single(checker.getTypeFromTypeNode(type)) : null;
      }
      default: return null;
    }
  }

  /**
   * What a call or `new` gives. Of a generic function only the class or interface is known: its members are, too.
   * Of several signatures all have to give the same one.
   */
  private given(e: ts.CallExpression | ts.NewExpression): Plain | null {
    const { ts, checker } = this;
    const { ObjectFlags } = ts;
    const signatures = this.signatures(e);
    if (signatures === null) return null;
    let found: Plain | null = null;
    for (const signature of signatures.list) {
      if (isInferred(ts, e, signature)) return null;
      const isGeneric = signatures.open || signature.typeParameters !== undefined;
      const plain = this.single(checker.getReturnTypeOfSignature(signature), isGeneric || signatures.list.length > 1);
      if (plain === null) return null;
      if (plain.open && ((plain.type as ts.ObjectType).objectFlags & (ObjectFlags.ClassOrInterface | ObjectFlags.Reference)) === 0) return null;
      if (found !== null && nominal(found.type) !== nominal(plain.type)) return null;
      found ??= plain;
    }
    return found;
  }

  private variable(e: ts.Identifier): Plain | null {
    const { ts, checker } = this;
    const symbol = this.symbols.symbolAt(e);
    const declaration = symbol?.valueDeclaration;
    if (symbol === null || declaration === undefined || (declaration.flags & ts.NodeFlags.JavaScriptFile) !== 0) return null;
    if (ts.isVariableDeclaration(declaration) || ts.isParameter(declaration)) {
      if (declaration.type !== undefined) return this.isNarrowed(e) ? null : this.single(checker.getTypeOfSymbol(symbol));
      const held = ts.isParameter(declaration) ? this.single(this.parameter(declaration)) : this.held(declaration);
      return held === null || (held.type.flags & ts.TypeFlags.Object) === 0 || this.isNarrowed(e) ? null : held;
    }
    if (ts.isBindingElement(declaration)) {
      const bound = this.single(this.bound(declaration));
      return bound === null || this.isNarrowed(e) ? null : bound;
    }
    const isNamed = ts.isClassLike(declaration) || ts.isEnumDeclaration(declaration) || ts.isFunctionDeclaration(declaration) || ts.isSourceFile(declaration) || ts.isModuleDeclaration(declaration);
    return isNamed ? this.single(checker.getTypeOfSymbol(symbol)) : null;
  }

  /** What a variable without a written type starts with, or goes through. */
  private held(declaration: ts.VariableDeclaration): Plain | null {
    const { ts } = this;
    if (!ts.isVariableDeclarationList(declaration.parent)) return null;
    const statement = declaration.parent.parent;
    if (ts.isForOfStatement(statement)) return statement.awaitModifier === undefined ? this.single(this.element(statement.expression)) : null;
    return declaration.initializer === undefined || ts.isForInStatement(statement) ? null : this.object(declaration.initializer);
  }

  /** What a name in a pattern `{ name }` is bound to. */
  private bound(element: ts.BindingElement): ts.Type | null {
    const { ts, checker } = this;
    const { parent: pattern, dotDotDotToken, initializer } = element;
    const property = element.propertyName ?? element.name;
    const holder = pattern.parent;
    if (!ts.isObjectBindingPattern(pattern) || dotDotDotToken !== undefined || initializer !== undefined || !ts.isIdentifier(property) || ts.isBindingElement(holder)) return null;
    const whole = holder.type !== undefined ? this.single(checker.getTypeFromTypeNode(holder.type)) : ts.isParameter(holder) ? this.single(this.parameter(holder)) : this.held(holder);
    if (whole === null || whole.open) return null;
    const member = checker.getPropertyOfType(whole.type, property.text);
    return member === undefined ? null : checker.getTypeOfSymbol(member);
  }

  /** What a callback gets that is given to a function whose parameter says so: `disks.map((disk) => …)`. */
  private parameter(declaration: ts.ParameterDeclaration): ts.Type | null {
    const { ts } = this;
    const callback = declaration.parent;
    if ((!ts.isArrowFunction(callback) && !ts.isFunctionExpression(callback)) || declaration.dotDotDotToken !== undefined || declaration.initializer !== undefined) return null;
    const call = callback.parent;
    if (!ts.isCallExpression(call)) return null;
    const signatures = this.signatures(call);
    if (signatures === null || signatures.open) return null;
    const at = call.arguments.indexOf(callback);
    const index = callback.parameters.indexOf(declaration);
    let found: ts.Type | null = null;
    for (const signature of signatures.list) {
      const type = this.parameterOf(signature, at, index);
      if (type === null || (found !== null && found !== type)) return null;
      if (signature.typeParameters !== undefined && !this.isClosed(type)) return null;
      found = type;
    }
    return found;
  }

  private parameterOf(signature: ts.Signature, at: number, index: number): ts.Type | null {
    const { checker } = this;
    const wanted = this.parameterType(signature, at);
    const [own, ...others] = wanted === null ? [] : checker.getNonNullableType(wanted).getCallSignatures();
    return own === undefined || others.length > 0 || own.typeParameters !== undefined ? null : this.parameterType(own, index);
  }

  private parameterType(signature: ts.Signature, index: number): ts.Type | null {
    const parameter = signature.parameters[index];
    const declaration = parameter?.valueDeclaration;
    if (parameter === undefined || declaration === undefined || !this.ts.isParameter(declaration) || declaration.dotDotDotToken !== undefined) return null;
    return this.checker.getTypeOfSymbol(parameter);
  }

  /** Whether no type parameter can be part of a type. */
  private isClosed(type: ts.Type): boolean {
    const { TypeFlags, ObjectFlags } = this.ts;
    if ((type.flags & (TypeFlags.StringLike | TypeFlags.NumberLike | TypeFlags.BooleanLike | TypeFlags.Null | TypeFlags.VoidLike)) !== 0) return true;
    if ((type.flags & TypeFlags.Object) === 0) return false;
    const { objectFlags } = type as ts.ObjectType;
    if ((objectFlags & ObjectFlags.Reference) !== 0) return this.checker.getTypeArguments(type as ts.TypeReference).every((argument) => argument === type || this.isClosed(argument));
    return (objectFlags & ObjectFlags.ClassOrInterface) !== 0;
  }

  /** What `this` is in a member that is not static. */
  private instance(e: ts.Node): ts.Type | null {
    const { ts, checker } = this;
    for (let child = e, at = e.parent; !ts.isSourceFile(at); child = at, at = at.parent) {
      if (ts.isClassLike(at.parent) && ts.isClassElement(at)) {
        const isStatic = ts.canHaveModifiers(at) && ts.getModifiers(at)?.some((m) => m.kind === ts.SyntaxKind.StaticKeyword) === true;
        const runsInside = ts.isPropertyDeclaration(at) ? at.initializer === child : 'body' in at && at.body === child;
        const ownThis = 'parameters' in at && (at.parameters as readonly ts.ParameterDeclaration[]).some((p) => ts.isIdentifier(p.name) && p.name.text === 'this');
        const { name } = at.parent;
        if (isStatic || !runsInside || ownThis || name === undefined || ts.isClassStaticBlockDeclaration(at)) return null;
        const symbol = this.symbols.symbolAt(name);
        return symbol === null ? null : checker.getDeclaredTypeOfSymbol(symbol);
      }
      if ((ts.isFunctionLike(at) && !ts.isArrowFunction(at)) || ts.isModuleBlock(at)) return null;
    }
    return null;
  }

  // ---- what narrows ------------------------------------------------------------------------------------------------

  /** Whether anything in the file may narrow what this reference is declared as. */
  private isNarrowed(reference: ts.Expression): boolean {
    const path = this.pathOf(reference);
    if (path === null) return true;
    const places = this.narrowersIn(reference.getSourceFile()).get(path.text);
    if (places === undefined) return false;
    places.byRoot ??= this.byRoot(places.all);
    const narrowers = places.byRoot.get(path.root === null ? null : this.symbols.symbolAt(path.root));
    if (narrowers === undefined) return false;
    narrowers.narrow ??= narrowers.calls === null || narrowers.calls.some((call) => this.isPredicate(call));
    return narrowers.narrow;
  }

  /** Equal names in a file may be different variables. */
  private byRoot(all: readonly Narrower[]): Map<ts.Symbol | null, Narrowers> {
    const found = new Map<ts.Symbol | null, Narrowers>();
    for (const { root, call } of all) {
      const symbol = root === null ? null : this.symbols.symbolAt(root);
      const known = found.get(symbol);
      if (known === undefined) found.set(symbol, { calls: call === null ? null : [call], narrow: null });
      else if (call === null) known.calls = null;
      else known.calls?.push(call);
    }
    return found;
  }

  /** `disk.queue` of `disk?.queue!`; null for what is no name and no chain of names. */
  private pathOf(expression: ts.Expression): { readonly text: string; readonly root: ts.Identifier | null } | null {
    const { ts } = this;
    let text = '';
    for (let e = skipTypes(ts, expression); ; e = skipTypes(ts, e.expression)) {
      if (ts.isIdentifier(e)) return { text: `${e.text}${text}`, root: e };
      if (e.kind === ts.SyntaxKind.ThisKeyword) return { text: `this${text}`, root: null };
      if (!ts.isPropertyAccessExpression(e)) return null;
      text = `.${e.name.text}${text}`;
    }
  }

  private narrowersIn(source: ts.SourceFile): ReadonlyMap<string, Places> {
    let found = this.narrowers.get(source);
    if (found === undefined) {
      found = this.gather(source);
      this.narrowers.set(source, found);
    }
    return found;
  }

  private gather(source: ts.SourceFile): Map<string, Places> {
    const { ts } = this;
    const { SyntaxKind } = ts;
    const found = new Map<string, Places>();
    const add = (expression: ts.Expression, call: ts.CallExpression | null): void => {
      let e = skipTypes(ts, expression);
      if (ts.isBinaryExpression(e) && e.operatorToken.kind >= SyntaxKind.FirstAssignment && e.operatorToken.kind <= SyntaxKind.LastAssignment) e = skipTypes(ts, e.left);
      const path = this.pathOf(e);
      if (path === null) return;
      const places = found.get(path.text);
      if (places === undefined) found.set(path.text, { all: [{ root: path.root, call }], byRoot: null });
      else places.all.push({ root: path.root, call });
    };
    const guards = this.guardsOfThis();
    forEachNode(ts, source, (node) => {
      switch (node.kind) {
        case SyntaxKind.BinaryExpression: {
          const { left, operatorToken, right } = node as ts.BinaryExpression;
          if (operatorToken.kind === SyntaxKind.InstanceOfKeyword) add(left, null);
          else if (operatorToken.kind === SyntaxKind.InKeyword) add(right, null);
          break;
        }
        case SyntaxKind.TypeOfExpression:
          add((node as ts.TypeOfExpression).expression, null);
          break;
        case SyntaxKind.PropertyAccessExpression:
          if ((node as ts.PropertyAccessExpression).name.text === 'constructor' && ts.isBinaryExpression(node.parent)) add((node as ts.PropertyAccessExpression).expression, null);
          break;
        case SyntaxKind.CallExpression: {
          const call = node as ts.CallExpression;
          for (const argument of call.arguments) add(argument, call);
          const callee = skipTypes(ts, call.expression);
          if (ts.isPropertyAccessExpression(callee) && guards.has(callee.name.text)) add(callee.expression, null);
          break;
        }
        default: return !ts.isTypeNode(node) || node.kind === SyntaxKind.ExpressionWithTypeArguments;
      }
      return true;
    });
    return found;
  }

  private isPredicate(call: ts.CallExpression): boolean {
    const known = this.predicates.get(call);
    if (known !== undefined) return known;
    if (this.depth > MAX_DEPTH) return true;
    // A question that needs its own answer gets the safe one.
    this.predicates.set(call, true);
    this.depth++;
    const predicate = this.mayBePredicate(call);
    this.depth--;
    this.predicates.set(call, predicate);
    return predicate;
  }

  private mayBePredicate(call: ts.CallExpression): boolean {
    const { ts } = this;
    const callee = skipTypes(ts, call.expression);
    if (callee.kind === ts.SyntaxKind.SuperKeyword || callee.kind === ts.SyntaxKind.ImportKeyword) return false;
    const declarations = this.symbols.meaning(callee)?.declarations;
    return declarations === undefined || declarations.some((declaration) => {
      const signature = this.symbols.signatureNode(declaration);
      return signature === null || (signature.type === undefined ? this.mayInferPredicate(signature) : ts.isTypePredicateNode(signature.type));
    });
  }

  /** The compiler makes a predicate of a function that only returns a test. */
  private mayInferPredicate(signature: ts.SignatureDeclaration): boolean {
    const { ts } = this;
    if (!('body' in signature) || signature.body === undefined || (signature.flags & ts.NodeFlags.JavaScriptFile) !== 0) return true;
    const { body } = signature;
    if (!ts.isBlock(body)) return true;
    let returns = 0;
    forEachNode(ts, body, (node) => {
      if (node !== body && (ts.isFunctionLike(node) || ts.isClassLike(node))) return false;
      if (ts.isReturnStatement(node) && node.expression !== undefined) returns++;
      return true;
    });
    return returns === 1;
  }

  /** Names of methods that tell of `this` what it is. */
  private guardsOfThis(): ReadonlySet<string> {
    if (this.guards !== null) return this.guards;
    const { ts } = this;
    const guards = new Set(LIBRARY_GUARDS);
    for (const source of this.symbols.sources()) {
      if (this.symbols.isLibrary(source) || !GUARD_OF_THIS.test(source.text)) continue;
      forEachNode(ts, source, (node) => {
        if (!ts.isTypePredicateNode(node) || ts.isIdentifier(node.parameterName)) return;
        const { name } = node.parent as ts.NamedDeclaration;
        if (name !== undefined && ts.isIdentifier(name)) guards.add(name.text);
      });
    }
    this.guards = guards;
    return guards;
  }
}

function skipParentheses(compiler: Compiler, expression: ts.Expression): ts.Expression {
  let e = expression;
  while (compiler.isParenthesizedExpression(e) || compiler.isNonNullExpression(e) || compiler.isSatisfiesExpression(e)) e = e.expression;
  return e;
}

/** Whether what a signature gives is written nowhere, so that a body has to be read for it. */
function isInferred(compiler: Compiler, e: ts.Node, signature: ts.Signature): boolean {
  return compiler.isCallExpression(e) && signature.declaration?.type === undefined;
}

/** The class or interface whatever its arguments, for references to generic ones. */
function nominal(type: ts.Type): ts.Type {
  return (type as Partial<ts.TypeReference>).target ?? type;
}
