import { clock } from './format.ts';
import type { ServerView } from './snapshot.ts';

/** What somebody has paused in Temporal, and how to go on: a sentence for each activity. Pure. */
export function paused({ workflowId, pending }: Pick<ServerView, 'workflowId' | 'pending'>, now: number): string[] {
  return pending.flatMap(({ activity, paused: pause }) => {
    if (!pause) return [];
    const { id, since, by, reason } = pause;
    const when = since === undefined ? '' : ` since ${clock(since, now)}`;
    const who = `${by === undefined ? '' : ` by ${by}`}${reason === undefined ? '' : `: ${reason}`}`;
    const unwatched = activity === 'watchWindow' ? ' Nobody watches green.' : '';
    return [
      `${activity} is paused in Temporal${when}${who}.${unwatched} To go on: temporal activity unpause --workflow-id ${workflowId} --activity-id ${id}`,
    ];
  });
}
