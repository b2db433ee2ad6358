const PART = '[a-z0-9~-][a-z0-9._~-]*'
const NAME = new RegExp(`^(?:@${PART}/)?${PART}$`)
const MAX_LENGTH = 214

/** A name that npm takes for a new package, with or without a scope (https://docs.npmjs.com/cli/configuring-npm/package-json#name). */
export function isPackageName(text: string): boolean {
  return text.length <= MAX_LENGTH && NAME.test(text)
}
