// What bundle.mjs puts in the place of the global `Headers`: Node's own loads an HTTP client that nothing here speaks through, for
// 50 ms in every command.
export { Headers } from 'fetch-headers'
