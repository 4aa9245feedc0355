import { Argument, type Command } from 'commander';
import { withExample } from './options.ts';

export function addCompletion(program: Command): void {
  const command = program
    .command('completion')
    .description('Prints what gives a shell the command "bluegreen", which completes its commands and options.')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh']))
    .action(async (shell: 'bash' | 'zsh') => {
      const { completion } = await import('../actions/completion.ts');
      completion(program, shell);
    })
    .addHelpText('after', '\nIn ~/.bashrc or ~/.zshrc, with the folder of this project:');
  command.addHelpText('after', '  eval "$(npm --prefix FOLDER run -s bluegreen -- completion bash)"');
  withExample(command, 'completion bash');
}
