import { definePlugin } from 'bluegreen/plugin';
import { cloudwatchMetrics } from './metrics.js';

export default definePlugin({ name: 'bluegreen-plugin-cloudwatch', metrics: [cloudwatchMetrics] });
