import { DEFAULT_CAPS } from './entry-rules.js'
import { checkSize, readOuterFrom } from './outer.js'
import { SignatureCheck, requireSigner } from './signature.js'
import type { TrustContext } from './signature.js'
import type { TrustedKey } from './types.js'

/** What is known of a package whose signature holds. */
export interface SignedArchive {
  readonly digest: Buffer
  readonly signedBy: TrustedKey
  readonly archiveBytes: number
}

/** Hashes a package and checks its signature while it arrives, so that it need not be read for that again. */
export class ArrivingBundle {
  readonly #checking: Promise<SignedArchive>
  #given = Promise.withResolvers<Uint8Array | undefined>()
  #taken = Promise.withResolvers<undefined>()
  #isOver = false

  /** @param from what arrives: its name for messages, and how much it is */
  constructor(from: { readonly path: string; readonly sizeBytes: number }, trust: TrustContext) {
    this.#checking = this.#check(from, trust)
    // It shows in `finish`; what comes after it is of no use.
    this.#checking.catch(() => {
      this.#end()
    })
  }

  /** Takes the next bytes; they may be overwritten once it resolves. */
  async take(chunk: Uint8Array): Promise<void> {
    if (this.#isOver) return
    this.#given.resolve(chunk)
    await this.#taken.promise
  }

  /** All has come. @throws BUNDLE_TOO_LARGE, BUNDLE_OUTER, BUNDLE_TRUNCATED and the SIGNATURE_ codes */
  async finish(): Promise<SignedArchive> {
    this.#given.resolve(undefined)
    return this.#checking
  }

  async #check(
    { path, sizeBytes }: { readonly path: string; readonly sizeBytes: number },
    trust: TrustContext,
  ): Promise<SignedArchive> {
    checkSize(path, sizeBytes, DEFAULT_CAPS.maxFileBytes)
    const check = new SignatureCheck(trust.trusted)
    const parts = await readOuterFrom(this.#chunks(), path, {
      onArchive: (chunk) => {
        check.update(chunk)
      },
      allowUnsigned: false,
    })
    const { digest, signedBy } = check.finish(parts.signature ?? new Uint8Array(0))
    return { digest, signedBy: requireSigner(signedBy, trust), archiveBytes: parts.archiveBytes }
  }

  async *#chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const chunk = await this.#given.promise
        if (chunk === undefined) return
        this.#given = Promise.withResolvers()
        yield chunk
        const taken = this.#taken
        this.#taken = Promise.withResolvers()
        taken.resolve(undefined)
      }
    } finally {
      this.#end()
    }
  }

  #end(): void {
    this.#isOver = true
    this.#taken.resolve(undefined)
  }
}
