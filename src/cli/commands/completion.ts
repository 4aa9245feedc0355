import { Argument, type Command } from 'commander';
import { loaderArguments } from '../../util/index.ts';
import { withExample } from '../options.ts';
import { print } from '../view/output.ts';

export function addCompletion(command: Command): void {
  command
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh']))
    .action((shell: 'bash' | 'zsh') => {
      if (command.parent) completion(command.parent, shell);
    })
    .addHelpText('after', '\nAdd this to ~/.bashrc or ~/.zshrc, with the folder of this project:');
  command.addHelpText('after', '  eval "$(npm --prefix FOLDER run -s bluegreen -- completion bash)"');
  withExample(command, 'completion bash');
}

/** How this program is started: from its sources, or as it is installed. */
const PROGRAM = [process.execPath, ...loaderArguments(), process.argv[1] ?? ''];

/** zsh takes what is written for bash. */
const ZSH = `(( $+functions[compdef] )) || { autoload -U compinit && compinit }
autoload -U +X bashcompinit && bashcompinit`;

/** Completion starts no Node.js process: all words are in the shell code. */
function completion(program: Command, shell: 'bash' | 'zsh'): void {
  if (shell === 'zsh') print(ZSH);
  const cases = program.commands.flatMap((command) =>
    command.commands.length === 0
      ? `    *' ${command.name()} '*) words='${wordsAfter(command)}' ;;`
      : [
          `    '2 ${command.name()} '*) words='${wordsAfter(command)}' ;;`,
          ...command.commands.map((sub) => `    *' ${command.name()} ${sub.name()}') words='${wordsAfter(sub)}' ;;`),
        ],
  );
  print(`bluegreen() { ${PROGRAM.map(quoted).join(' ')} "$@"; }
_bluegreen() {
  local words=''
  COMPREPLY=()
  case "\${COMP_WORDS[COMP_CWORD-1]}" in
    ${valued(program).join('|')}) return ;;
  esac
  case "$COMP_CWORD \${COMP_WORDS[1]} \${COMP_WORDS[2]-}" in
    '1 '*) words='${wordsAfter(program)}' ;;
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _bluegreen bluegreen`);
}

/** Its commands, or its options; of what takes files none, so that the shell completes those. */
function wordsAfter(command: Command): string {
  if (command.commands.length > 0) return command.commands.map((sub) => sub.name()).join(' ');
  const choices = command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? []);
  if (command.registeredArguments.length > 0) return choices.join(' ');
  return [...command.options.map(({ long }) => long), '--help'].join(' ');
}

/** Options after which a value stands: the shell completes it as a file. */
function valued(command: Command): string[] {
  const own = command.options.filter(({ required, optional }) => required || optional).map(({ long }) => long ?? '');
  return [...new Set([...own, ...command.commands.flatMap(valued)])];
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
