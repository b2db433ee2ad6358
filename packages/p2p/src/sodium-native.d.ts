/** The part of sodium-native 5 that we use; the package ships no types. */
declare module 'sodium-native' {
  interface Sodium {
    readonly crypto_stream_xor_STATEBYTES: number
    /** Begins an XSalsa20 stream; nonce 24 bytes, key 32. */
    crypto_stream_xor_init(state: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
    /** Continues it; `output` may be `input`. */
    crypto_stream_xor_update(state: Uint8Array, output: Uint8Array, input: Uint8Array): void
  }
  const sodium: Sodium
  export default sodium
}
