import { definePlugin } from 'bluegreen/plugin';
import { datadogMetrics } from './metrics.js';

export default definePlugin({ name: 'bluegreen-plugin-datadog', metrics: [datadogMetrics] });
