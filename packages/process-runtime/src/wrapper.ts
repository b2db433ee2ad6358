/**
 * The shell programs (POSIX) between the daemon and an app. Descriptors: 3 talks with the daemon, 4 holds the system call
 * filter of a sandbox, 7 is where it stands that the program never began, 8 is where bwrap tells of itself, 9 is the app's own
 * standard error; until the app begins, errors go to the daemon.
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

/**
 * Says that all is well, waits until the daemon knows its pid, and becomes the program, so the pid is the program's.
 * When the daemon is gone by then, nothing begins, and that is written down.
 */
export const LAUNCH = `
echo "pid $$" >&3
read -r go <&3 || { echo yes >&7; exit 126; }
exec "$@" 2>&9 3>&- 4>&- 7>&- 8>&- 9>&-
`

/** Becomes the program in its working directory. Arguments: the directory, the command. */
export const ENTER_DIR = `
cd -- "$1" && shift && exec "$@"
`
