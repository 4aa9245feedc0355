/**
 * Runs the command ("$@") as a child of this shell, and ends their whole group when the process that started it (a
 * worker) is gone, also after SIGKILL: file descriptor 3 reads from a pipe whose only writer is that process, so that
 * its death is an end of file. The command itself does not get the pipe. The shell ignores SIGTERM after the command
 * has started: it stays to tell the exit code, and the watcher stays on guard while the command takes its time to end.
 * The watcher ends the shell first, which would otherwise end the watcher once the command is gone and spare a
 * grandchild that ignores SIGTERM.
 */
export const SUPERVISOR = `
"$@" 3<&- & command=$!
trap '' TERM
( read -r _ <&3; kill -KILL $$; kill -TERM 0; sleep 5; kill -KILL 0 ) >/dev/null 2>&1 & watcher=$!
exec 3<&-
wait "$command"; code=$?
kill -KILL "$watcher" 2>/dev/null; wait "$watcher" 2>/dev/null
exit "$code"
`;
