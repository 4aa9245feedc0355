import { percent, plain } from '../format/index.ts';
import type { FurtherResult } from './activity-results.ts';

/** `checkout-failures: green 30 %, blue 1.2 %, breached`; `memory: 1,200,000, healthy (informational)`. */
export function furtherWords({ name, kind, critical, verdict, green, blue }: FurtherResult): string {
  const value = (number: number | null): string => {
    if (number === null) return 'not measured';
    return kind === 'counted' ? percent(number) : plain(number);
  };
  const values = kind === 'counted' ? `green ${value(green)}, blue ${value(blue)}` : value(green);
  return `${name}: ${values}, ${verdict}${critical ? '' : ' (informational)'}`;
}
