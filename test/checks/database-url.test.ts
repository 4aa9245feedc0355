import { expect, test } from '@jest/globals';
import { databaseUrl } from '../../src/checks/postgres/session.ts';

const databases = { main: { urlEnv: 'SHOP_DATABASE_URL' } };

test('a database’s URL comes from the variable that the runbook names', () => {
  expect(databaseUrl(databases, 'main', { SHOP_DATABASE_URL: 'postgres://there' })).toBe('postgres://there');
});

test('a variable that is not set is named', () => {
  expect(() => databaseUrl(databases, 'main', {})).toThrow('database main: the variable SHOP_DATABASE_URL is not set');
  expect(() => databaseUrl(databases, 'main', { SHOP_DATABASE_URL: '' })).toThrow('SHOP_DATABASE_URL is not set');
});

test('a database that the runbook does not name is an error, also if its name is a built-in', () => {
  expect(() => databaseUrl(databases, 'constructor', {})).toThrow('the runbook names none of that name');
});
