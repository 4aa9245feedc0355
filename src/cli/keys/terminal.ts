import { type Key, readKeys, TELL_NO_PASTES, TELL_PASTES } from './parse-keys.ts';

/**
 * Single keys from the terminal, without Enter, while a view is made anew above. @returns what gives the terminal back as
 * it was; that happens at the end of the process, too, however it ends, SIGKILL excepted.
 */
export function listenToKeys(onKey: (key: Key) => void): () => void {
  const { stdin, stdout } = process;
  let rest = '';
  const listen = (piece: string): void => {
    const read = readKeys(rest, piece);
    rest = read.rest;
    for (const key of read.keys) onKey(key);
  };
  let isListening = true;
  const giveBack = (): void => {
    if (!isListening) return;
    isListening = false;
    process.off('exit', giveBack);
    stdin.off('data', listen);
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write(TELL_NO_PASTES);
  };
  process.once('exit', giveBack);
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  stdin.on('data', listen);
  stdin.resume();
  stdout.write(TELL_PASTES);
  return giveBack;
}
