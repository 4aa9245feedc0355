import { proxySinks, type Sinks, type WorkflowInterceptors } from '@temporalio/workflow';

/** Runs inside the workflow's sandbox: hands every command that the workflow's code gives to the test, also in replay. */
export interface RecorderSinks extends Sinks {
  recorder: { commands(commands: unknown[]): void };
}

const { recorder } = proxySinks<RecorderSinks>();

export const interceptors = (): WorkflowInterceptors => ({
  internals: [
    {
      concludeActivation: (input, next) => {
        const output = next(input);
        if (output.commands.length > 0) recorder.commands(output.commands);
        return output;
      },
    },
  ],
});
