import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';

/** Invariant 1. A worker loads the modules of the workflows once: what one workflow left in them, the others would find. */
test.each(['src/workflows', 'src/domain', 'src/format'])('no module of %s keeps anything', async (folder) => {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.ts'));
  const kept = await Promise.all(
    files.map(async (name) => keptBy(join(folder, name), await readFile(join(folder, name), 'utf8'))),
  );
  expect(files.length).toBeGreaterThan(3);
  expect(kept.flat()).toEqual([]);
});

test.each([
  ['let last = 0;', 'let last = 0'],
  ['export var seen: string[] = [];', 'var seen: string[] = []'],
  ['const seen = new Map<string, number>();', 'seen = new Map<string, number>()'],
  ['const seen: string[] = [];', 'seen: string[] = []'],
  ['export const seen = { last: 0 };', 'seen = { last: 0 }'],
  ['class Seen { static last = 0; }', 'static last = 0;'],
  ['const WORDS = /x/g;', 'WORDS = /x/g'],
  ['export function next() { let last = 0; return last; }', undefined],
  ['const NAMES = ["a"] as const;', undefined],
  ['const NAMES: readonly string[] = ["a"];', undefined],
  ['class Seen { static readonly word = "seen"; }', undefined],
])('of "%s" it finds %s', (code, found) => {
  expect(keptBy('one.ts', code)).toEqual(found === undefined ? [] : [`one.ts: ${found}`]);
});

/** What the statements of a module make that can change later. */
function keptBy(name: string, code: string): string[] {
  const source = ts.createSourceFile(name, code, ts.ScriptTarget.ES2022, true);
  return source.statements.flatMap(changeable).map((node) => `${name}: ${node.getText()}`);
}

function changeable(statement: ts.Statement): readonly ts.Node[] {
  if (ts.isVariableStatement(statement)) {
    const { declarationList: list } = statement;
    return (list.flags & ts.NodeFlags.Const) === 0 ? [list] : list.declarations.filter(canChange);
  }
  if (!ts.isClassDeclaration(statement)) return [];
  return statement.members.filter(
    (member) =>
      ts.isPropertyDeclaration(member) && isStatic(member) && !hasModifier(member, ts.SyntaxKind.ReadonlyKeyword),
  );
}

function canChange({ initializer, type }: ts.VariableDeclaration): boolean {
  if (!initializer || /^(readonly |Readonly)/.test(type?.getText() ?? '')) return false;
  if (ts.isRegularExpressionLiteral(initializer)) return /[gy][a-z]*$/.test(initializer.text);
  if (ts.isNewExpression(initializer)) return /^(Weak)?(Map|Set)$|^Array$/.test(initializer.expression.getText());
  return ts.isObjectLiteralExpression(initializer) || ts.isArrayLiteralExpression(initializer);
}

const isStatic = (member: ts.ClassElement) => hasModifier(member, ts.SyntaxKind.StaticKeyword);

function hasModifier(member: ts.ClassElement, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(member) && (ts.getModifiers(member) ?? []).some((modifier) => modifier.kind === kind);
}
