/** A node of EXPLAIN (VERBOSE, FORMAT JSON): the keys that are used. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Parallel Aware'?: boolean;
  readonly Schema?: string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Index Cond'?: string;
  readonly 'Total Cost': number;
  readonly Plans?: readonly PlanNode[];
}

/** How a plan reads a table at one place. */
export interface Read {
  readonly schema: string;
  readonly table: string;
  /** `Seq Scan`, `Index Scan`, ... */
  readonly how: string;
  readonly indexes: readonly string[];
  /** It looks up rows by a condition; without one an index is read from end to end as a table is. */
  readonly byCondition: boolean;
  readonly cost: number;
}

/** Every place where the plan reads a table. */
export function readsOf(node: PlanNode): Read[] {
  const below = (node.Plans ?? []).flatMap(readsOf);
  const table = node['Relation Name'];
  if (table === undefined || !node['Node Type'].endsWith('Scan')) return below;
  const read = {
    schema: node.Schema ?? '',
    table,
    how: `${node['Parallel Aware'] === true ? 'Parallel ' : ''}${node['Node Type']}`,
    indexes: indexesOf(node),
    byCondition: looksUp(node),
    cost: node['Total Cost'],
  };
  return [read, ...below];
}

/** The plan changes rows somewhere: in a WITH of a SELECT, too. */
export function writes(node: PlanNode): boolean {
  return node['Node Type'] === 'ModifyTable' || (node.Plans ?? []).some(writes);
}

/** A bitmap of an index carries no name of its table: it stands below the scan that reads the rows, alone or combined. */
function looksUp(node: PlanNode): boolean {
  const below = node.Plans ?? [];
  switch (node['Node Type']) {
    case 'Bitmap Heap Scan':
    case 'BitmapAnd':
      return below.some(looksUp);
    case 'BitmapOr':
      return below.length > 0 && below.every(looksUp);
    case 'Index Scan':
    case 'Index Only Scan':
    case 'Bitmap Index Scan':
      return node['Index Cond'] !== undefined;
    default:
      return false;
  }
}

function indexesOf(node: PlanNode): string[] {
  const own = node['Index Name'] === undefined ? [] : [node['Index Name']];
  const bitmaps = (node.Plans ?? []).filter((below) => below['Node Type'].startsWith('Bitmap'));
  return [...own, ...bitmaps.flatMap(indexesOf)];
}
