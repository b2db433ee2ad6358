/** What can name a variable of an app: other names a shell between the daemon and the app does not hand on (POSIX.1-2017, XBD 3.235). */
export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/
