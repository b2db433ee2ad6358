const SECRET =
  /(^|[._-])(psk|tokens?|passw(or)?d|passphrase|secrets?|credentials?|authorization|(api|access|private|secret)[_-]?key)([._-]|$)/i
const CAMEL = /(?<=[a-z0-9])(?=[A-Z])/g
/** Where a secret is, or a list of such places. */
const PLACE = /[._-](file|path)(\.\d+)?$/i

/** True when the value at a dotted path is not to be shown: its name says that it is a secret, and not where one is. */
export function isSecretPath(dotted: string): boolean {
  const words = dotted.replaceAll(CAMEL, '_')
  return SECRET.test(words) && !PLACE.test(words)
}

/** The same text without the password of a URL within it. */
export function withoutUrlPassword(text: string): string {
  return text.replaceAll(/(?<=:\/\/)[^\s/@]*:[^\s/@]*(?=@)/g, '********')
}
