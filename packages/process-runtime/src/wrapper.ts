/**
 * The shell programs (POSIX) between the daemon and an app. Descriptors: 3 talks with the daemon, 4 holds the system call
 * filter of a sandbox, 7 is where it stands that the program never began, 8 is where bwrap tells of itself, 9 is the app's own
 * standard error; until the app begins, errors go to the daemon. They have an environment of their own: what the app's says
 * to a shell or to the dynamic linker is no concern of processes that may do more than the app (ld.so(8), LD_PRELOAD).
 *
 * WRAPPER leads the process group and stays outside of the limits. It waits, and records how the program ended, so that
 * this is known although no daemon runs; what the kernel counted as killed for want of memory goes into the same record.
 * Signals to the group reach it too; it stays until the program has ended. It runs no other program meanwhile, so whatever
 * is left when the record is there is the app's. What a shell says about a killed child belongs in nobody's log.
 * Arguments: the run directory, the file with `oom_kill` or nothing, then the command.
 */
export const WRAPPER = `
dir=$1 oom=$2; shift 2
trap : TERM INT HUP QUIT USR1 USR2
exec 9>&2 2>/dev/null 7>"$dir/never-began" || exit 126
"$@"
code=$?
{
  echo "$code"
  if [ -n "$oom" ]; then while read -r line; do echo "$line"; done <"$oom"; fi
  echo end
} >"$dir/exit"
exit "$code"
`

/**
 * Enters the limits, so that whatever it becomes is inside them from its first moment.
 * Arguments: the file for descriptor 8 or nothing, the number of files to enter by, these, then the command.
 */
export const ENTER = `
exec 2>&3
[ -z "$1" ] || exec 8>"$1" || exit 126
count=$2; shift 2
while [ "$count" -gt 0 ]; do
  echo 0 >"$1" || exit 126
  shift; count=$((count - 1))
done
exec "$@"
`

/** Says its pid, which is the program's in the end, and becomes what the program's user may know of. Arguments: the command. */
export const LAUNCH = `
echo "pid $$" >&3
exec "$@" 4>&- 8>&-
`

/**
 * As the program's user, in its sandbox: says that all is well, waits until the daemon knows its pid, and becomes the program
 * with the environment that the daemon tells then (see environment.ts), which no process has before and no list of processes
 * shows. When the daemon is gone by then, nothing begins, and that is written down.
 * Arguments: the directory to begin in, the command.
 */
export const BEGIN = `
hear() { IFS= read -r line <&3 || { echo yes >&7; exit 126; }; }
cd -- "$1" || exit 126
shift
echo ready >&3
hear
count=$line text=
while [ "$count" -gt 0 ]; do
  hear
  text="$text$line
"
  count=$((count - 1))
done
exec 2>&9
unset PATH PWD OLDPWD SHLVL
eval "$text"
exec "$@" 3>&- 7>&- 9>&-
`
