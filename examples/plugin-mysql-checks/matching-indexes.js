import { tableName } from './session.js';

const COPY = 'bluegreen_wanted';

/**
 * The table's indexes that are what is wanted, under any name. The server itself says what the wanted index is: it is
 * built on an empty temporary copy of the table, and SHOW INDEX compares. So spelling does not matter; order, direction,
 * length and expression do. A unique index serves where none is asked for.
 * @returns {Promise<{ name: string, ignored: boolean, show: string }[]>} `show`: what makes an ignored one visible again
 */
export async function matchingIndexes(ask, { table, columns, unique }) {
  // A copy by SELECT, as LIKE refuses partitioned tables.
  await ask(`CREATE TEMPORARY TABLE ${COPY} AS SELECT * FROM ${tableName(table)} LIMIT 0`);
  try {
    await ask(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX wanted ON ${COPY} (${columns.join(', ')})`);
    const [wanted] = described(await ask(`SHOW INDEX FROM ${COPY}`));
    const existing = described(await ask(`SHOW INDEX FROM ${tableName(table)}`));
    return existing
      .filter((index) => index.parts === wanted.parts && (!unique || index.unique))
      .sort((a, b) => Number(a.ignored) - Number(b.ignored));
  } finally {
    await ask(`DROP TEMPORARY TABLE IF EXISTS ${COPY}`).catch(() => {}); // the connection is gone, and with it the copy
  }
}

function described(rows) {
  const indexes = new Map();
  for (const row of rows) {
    const { Key_name: name, Column_name, Sub_part, Collation, Expression, Index_type, Non_unique } = row;
    const index = indexes.get(name) ?? {
      name,
      unique: Number(Non_unique) === 0,
      // MySQL has Visible, MariaDB has Ignored.
      ignored: row.Visible === 'NO' || row.Ignored === 'YES',
      show: row.Visible === 'NO' ? 'VISIBLE' : 'NOT IGNORED',
      parts: [],
    };
    index.parts.push([
      Column_name,
      Sub_part === null ? null : Number(Sub_part),
      Collation,
      Expression ?? null,
      Index_type,
    ]);
    indexes.set(name, index);
  }
  return [...indexes.values()].map((index) => ({ ...index, parts: JSON.stringify(index.parts) }));
}
