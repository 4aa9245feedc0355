import { definePlugin } from 'bluegreen/plugin';
import { mysqlIndexes } from './indexes.js';
import { mysqlMaxConnections } from './max-connections.js';
import { mysqlPoolSize } from './pool-size.js';

export default definePlugin({
  name: 'bluegreen-plugin-mysql-checks',
  checks: [mysqlMaxConnections, mysqlIndexes, mysqlPoolSize],
});
