import { definePlugin } from 'bluegreen/plugin';
import { fileCheck } from './check.js';
import { fileMetrics } from './metrics.js';
import { fileNotification } from './notification.js';
import { fileRouter } from './router.js';
import { fileWorkload } from './workload.js';

export default definePlugin({
  name: 'bluegreen-plugin-files',
  workloads: [fileWorkload],
  routers: [fileRouter],
  metrics: [fileMetrics],
  checks: [fileCheck],
  notifications: [fileNotification],
});
