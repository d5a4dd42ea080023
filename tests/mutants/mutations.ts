/** What can be changed in a source file: one token, statement or pair of arguments at a time. */

import ts from "typescript";

/** One change: `text` takes the place of what stands from `start` to `end`. */
export interface Mutation {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What takes the place of a part of the source. */
type Change = Omit<Mutation, "file">;

const OPERATORS: Readonly<Record<string, readonly string[]>> = {
  "===": ["!=="],
  "!==": ["==="],
  "<": ["<=", ">"],
  "<=": ["<"],
  ">": [">=", "<"],
  ">=": [">"],
  "&&": ["||"],
  "||": ["&&"],
  "??": ["&&"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "&": ["|"],
  "|": ["&"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "+=": ["-="],
  "-=": ["+="],
  "|=": ["&="],
  "&=": ["|="],
};

/** Every change of a file, in the order of the places. */
export function mutationsOf(file: string, source: string): Mutation[] {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const found: Mutation[] = [];

  function visit(node: ts.Node): void {
    if (isWithoutEffect(node)) return;
    for (const change of changesOf(node)) found.push({ file, ...change });
    ts.forEachChild(node, visit);
  }

  visit(tree);
  return found;
}

/** The source as the mutation leaves it. */
export function mutate(
  source: string,
  { start, end, text }: Mutation,
): string {
  return source.slice(0, start) + text + source.slice(end);
}

/** The place, what stands there and what takes its place, in a line. */
export function describeMutation(source: string, mutation: Mutation): string {
  const { file, start, end, text } = mutation;
  const before = source.slice(0, start).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  const place = `${file}:${before.length}:${column}`;
  return `${place}  ${inLine(source.slice(start, end))} → ${inLine(text)}`;
}

function inLine(text: string): string {
  if (text === "") return "(nothing)";
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > 90 ? `${line.slice(0, 89)}…` : line;
}

function isWithoutEffect(node: ts.Node): boolean {
  return ts.isTypeNode(node) || ts.isImportDeclaration(node) ||
    ts.isExportDeclaration(node) || ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node);
}

function changesOf(node: ts.Node): Change[] {
  if (ts.isBinaryExpression(node)) return otherOperators(node);
  if (ts.isPrefixUnaryExpression(node)) return [otherSign(node)];
  if (ts.isPostfixUnaryExpression(node)) {
    const other = node.operator === ts.SyntaxKind.PlusPlusToken ? "--" : "++";
    return [{ start: node.operand.end, end: node.end, text: other }];
  }
  if (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) {
    return otherNumber(node);
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) return [replace(node, "false")];
  if (node.kind === ts.SyntaxKind.FalseKeyword) return [replace(node, "true")];
  if (ts.isQuestionDotToken(node) && ts.isPropertyAccessChain(node.parent)) {
    return [replace(node, ".")];
  }
  if (ts.isCallExpression(node) || ts.isNewExpression(node)) {
    return swappedArguments(node);
  }
  if (ts.isConditionalExpression(node)) {
    return [swap(node.whenTrue, node.whenFalse)];
  }
  if (ts.isIfStatement(node)) {
    return ["true", "false"].map((text) => replace(node.expression, text));
  }
  if (ts.isBreakStatement(node)) return [replace(node, "{}")];
  if (ts.isContinueStatement(node)) return [replace(node, "break;")];
  if (isRemovable(node)) return [replace(node, "{}")];
  if (ts.isBlock(node)) return earlyReturn(node);
  return [];
}

function replace(node: ts.Node, text: string): Change {
  return { start: node.getStart(), end: node.end, text };
}

function otherOperators(node: ts.BinaryExpression): Change[] {
  if (ts.isStringLiteralLike(node.left)) return [];
  const others = OPERATORS[node.operatorToken.getText()] ?? [];
  return others.map((text) => replace(node.operatorToken, text));
}

function otherSign(node: ts.PrefixUnaryExpression): Change {
  const others: Partial<Record<ts.PrefixUnaryOperator, string>> = {
    [ts.SyntaxKind.PlusPlusToken]: "--",
    [ts.SyntaxKind.MinusMinusToken]: "++",
  };
  const text = others[node.operator] ?? "";
  return { start: node.getStart(), end: node.operand.getStart(), text };
}

function otherNumber(node: ts.NumericLiteral | ts.BigIntLiteral): Change[] {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent) && parent.name === node) return [];
  const text = node.getText();
  if (/^[01]n?$/.test(text)) {
    return [
      replace(node, text.replace(/^./, text.startsWith("0") ? "1" : "0")),
    ];
  }
  const digits = text.replaceAll("_", "");
  const other = digits.endsWith("n")
    ? `${BigInt(digits.slice(0, -1)) + 1n}n`
    : `${Number(digits) + 1}`;
  return [replace(node, other)];
}

/** Each two that stand side by side. */
function swappedArguments(
  node: ts.CallExpression | ts.NewExpression,
): Change[] {
  const given = node.arguments ?? [];
  return given.slice(1).flatMap((second, index) => {
    const first = given[index];
    return first === undefined || first.getText() === second.getText()
      ? []
      : [swap(first, second)];
  });
}

function swap(first: ts.Node, second: ts.Node): Change {
  const source = first.getSourceFile().text;
  const between = source.slice(first.end, second.getStart());
  return {
    start: first.getStart(),
    end: second.end,
    text: second.getText() + between + first.getText(),
  };
}

/** Assignments, calls, throws and bare returns; not what a class cannot be without. */
function isRemovable(node: ts.Node): boolean {
  if (ts.isThrowStatement(node)) return true;
  if (ts.isReturnStatement(node)) return node.expression === undefined;
  return ts.isExpressionStatement(node) &&
    !node.expression.getText().startsWith("super(");
}

/** A function without a result, which comes back at once. */
function earlyReturn(body: ts.Block): Change[] {
  const owner = body.parent;
  if (!ts.isFunctionLike(owner) || body.statements.length < 2) return [];
  if (owner.type?.kind !== ts.SyntaxKind.VoidKeyword) return [];
  const start = body.getStart() + 1;
  return [{ start, end: start, text: " return;" }];
}
