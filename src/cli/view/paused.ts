import { clock } from './format.ts';
import type { ServerView } from './snapshot.ts';

/** What somebody has paused in Temporal, and how to go on: a sentence for each activity. Pure. */
export function paused(
  { workflowId, pending, paused: whole }: Pick<ServerView, 'workflowId' | 'pending' | 'paused'>,
  now: number,
): string[] {
  const activities = pending.flatMap(({ activity, paused: one }) => {
    if (!one) return [];
    const unwatched = activity === 'watchWindow' ? ' Nobody watches green.' : '';
    return [
      `${activity} is paused in Temporal${how(one, now)}.${unwatched} To go on: temporal activity unpause --workflow-id ${workflowId} --activity-id ${one.id}`,
    ];
  });
  if (!whole) return activities;
  const all = `The workflow is paused in Temporal${how(whole, now)}. Nobody watches green, and nothing is rolled back. To go on: temporal workflow unpause --workflow-id ${workflowId}`;
  return [all, ...activities];
}

function how({ since, by, reason }: NonNullable<ServerView['paused']>, now: number): string {
  const when = since === undefined ? '' : ` since ${clock(since, now)}`;
  return `${when}${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '' : `: ${reason}`}`;
}
