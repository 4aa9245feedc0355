import { emitKeypressEvents, type Key } from 'node:readline';

/** Single keys from the terminal, without Enter, while a view is made anew above. */
export function listenToKeys(onKey: (key: string) => void, onInterrupt: () => void): () => void {
  const { stdin } = process;
  emitKeypressEvents(stdin);
  const listen = (_text: string | undefined, { name, ctrl }: Key): void => {
    // In raw mode the terminal makes no signal of it.
    if (ctrl === true && name === 'c') onInterrupt();
    else if (name !== undefined && ctrl !== true) onKey(name);
  };
  stdin.setRawMode(true);
  stdin.on('keypress', listen);
  stdin.resume();
  return () => {
    stdin.off('keypress', listen);
    stdin.setRawMode(false);
    stdin.pause();
  };
}
