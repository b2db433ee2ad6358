/**
 * The program's parent: an `sh` (POSIX) that leads the process group. Its own child tells its pid on descriptor 3 and then
 * becomes the program, so the pid is the program's. The wrapper waits, and records how the program ended, so that this is
 * known although no daemon runs. Signals to the group reach the wrapper too; it stays until the program has ended.
 *
 * Arguments: the run directory, then the command.
 */
export const WRAPPER = `
dir=$1; shift
trap : TERM INT HUP QUIT USR1 USR2
sh -c 'echo $$ >&3; exec "$@" 3>&-' sh "$@"
code=$?
echo "$code" >"$dir/exit.new" && mv "$dir/exit.new" "$dir/exit"
exit "$code"
`
